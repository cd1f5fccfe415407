//! Wrong usage is status 2, and what was wrong is said, and where. `--help` is there for all.

use crate::command::{Ended, run, run_with_stdin};

/// That these arguments are refused, in these words.
async fn is_refused(args: &[&str], words: &str) {
    let ended = run(args).await;
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(2), ""), "{args:?}");
    let message = ended.stderr.lines().next().unwrap_or_default();
    assert_eq!(message, format!("error: {words}"), "{args:?}");
}

#[tokio::test]
async fn malformed_arguments_are_named() {
    let at = "localhost:8888";
    is_refused(&["send", at, "sum", "{a}"], "DATA: unexpected 'a' at byte 1 in {a}").await;
    is_refused(&["emit", at, "log", "[1,"], "DATA: unexpected end at byte 3 in [1,").await;
    is_refused(&["send", at, "{cmd", "1"], "PATTERN: unexpected 'c' at byte 1 in {cmd").await;
    is_refused(
        &["send", "localhost", "sum", "1"],
        "invalid value 'localhost' for '<ADDRESS>': the port is missing: write HOST:PORT",
    )
    .await;
    is_refused(
        &["send", "::1:8888", "sum", "1"],
        "invalid value '::1:8888' for '<ADDRESS>': an IPv6 address stands in brackets: [::1]:8888",
    )
    .await;
    is_refused(
        &["send", "--timeout", "0", at, "sum", "1"],
        "invalid value '0' for '--timeout <DURATION>': write a number above 0, of seconds or with a unit: 2, 0.5, 500ms, 10s, 1m",
    )
    .await;
    is_refused(
        &["send", "--timeout", "inf", at, "sum", "1"],
        "invalid value 'inf' for '--timeout <DURATION>': write a number above 0, of seconds or with a unit: 2, 0.5, 500ms, 10s, 1m",
    )
    .await;
}

#[tokio::test]
async fn null_is_refused_as_nest_refuses_it() {
    is_refused(&["send", "localhost:8888", "sum", "null"], "DATA: NestJS sends no null").await;
    let ended = run_with_stdin(&["emit", "localhost:8888", "log", "-"], b" null\n").await;
    assert_eq!(ended, Ended::badly(2, "error: standard input: NestJS sends no null\n"));
}

#[tokio::test]
async fn standard_input_without_json_is_refused() {
    for (stdin, words) in [
        (&b""[..], "unexpected end of JSON text at byte 0"),
        (b"[1,]", "unexpected ']' in JSON text at byte 3"),
        (b"\"\xff\"", "not UTF-8: malformed from byte 1 on"),
    ] {
        let ended = run_with_stdin(&["send", "localhost:8888", "sum", "-"], stdin).await;
        assert_eq!(ended, Ended::badly(2, &format!("error: standard input: {words}\n")));
    }
}

#[tokio::test]
async fn missing_and_unknown_arguments_are_refused() {
    is_refused(
        &["send", "localhost:8888"],
        "the following required arguments were not provided:",
    )
    .await;
    is_refused(
        &["send", "localhost:8888", "sum", "1", "2"],
        "unexpected argument '2' found",
    )
    .await;
    is_refused(&["call"], "unrecognized subcommand 'call'").await;
    let ended = run(&[]).await;
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(2), ""));
}

#[tokio::test]
async fn help_names_every_exit_status() {
    for args in [
        &["--help"][..],
        &["send", "--help"],
        &["emit", "-h"],
        &["check", "--help"],
        &["bench", "--help"],
        &["route", "--help"],
        &["completions", "--help"],
        &["man", "--help"],
        &["demo", "--help"],
    ] {
        let ended = run(args).await;
        assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""), "{args:?}");
        let (_, statuses) = ended.stdout.split_once("Exit status:").expect("a list");
        for status in ["  0 ", "  1 ", "  2 ", "  3 ", "  4 ", "  5 ", "  130, 143, 129 "] {
            assert!(statuses.contains(status), "{status} of {args:?}");
        }
    }
}

#[tokio::test]
async fn the_first_screen_leads_from_what_is_wanted_to_the_command() {
    let help = run(&["--help"]).await.stdout;
    let first_screen: Vec<&str> = help.lines().take(40).collect();
    for (wanted, command) in [
        ("see what two services say to each other", "tap"),
        ("pin it in CI", "record, then replay"),
        ("find out why a handler is not reached", "route"),
        ("measure how much a service can do", "bench"),
    ] {
        let leads = |line: &&str| line.trim_start().starts_with(wanted) && line.ends_with(command);
        assert!(first_screen.iter().any(leads), "{wanted}: {help}");
    }
}

#[tokio::test]
async fn the_version_is_that_of_the_package() {
    let version = concat!("nest-wire ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(run(&["--version"]).await, Ended::well(version));
}
