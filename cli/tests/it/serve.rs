//! `nest-wire serve` as a process: rules, programs, faults, changes of the file, and its end.
#![cfg(unix)]

use std::{fs, os::unix::fs::PermissionsExt};

use nest_wire::Client;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::{
    command::{Ended, run, run_with_stdin},
    running::{Running, folder, path},
};

const RULES: &str = r#"[ // what callers are answered
  {"pattern":"sum", "value":"{{ data | sum }}"},
  {"pattern":{"cmd":"who"}, "value":{"name":"{{ data.name }}", "n":"{{ n }}", "missing":"{{ data.x }}"}},
  {"pattern":"count", "values":[1,"{{ data }}",3], "every":"1ms", "complete":"alone"},
  {"pattern":"find", "when":{"/id":42}, "value":{"name":"Ada"}, "after":"1ms"},
  {"pattern":"find", "error":{"code":404,"message":"no user {{ data.id }}"}},
  {"pattern":"next", "value":1},
  {"pattern":"next", "error":"none left"},
  {"pattern":"strict", "value":"{{ data | sum }}"},
  {"event":"log"} ]"#;

/// Writes rules to a file of a folder for this test alone. Returns its path.
fn written(test: &str, rules: &str) -> String {
    let file = path(&folder(test), "replies.json");
    fs::write(&file, rules).expect("a file");
    file
}

async fn serve(options: &[&str]) -> Running {
    Running::start(&[&["serve", "--listen", "127.0.0.1:0"], options].concat()).await
}

/// Sends a message with the command. Returns its status, and what it printed on either side.
async fn send(service: &Running, pattern: &str, data: &str) -> (Option<i32>, String) {
    let ended = run(&["send", &service.address, pattern, data]).await;
    let error = ended.stderr.lines().next().unwrap_or_default().to_owned();
    (ended.status, ended.stdout + &error)
}

fn answered(text: &str) -> (Option<i32>, String) {
    (Some(0), format!("{text}\n"))
}

#[tokio::test]
async fn rules_answer_with_values_streams_errors_and_in_turn() {
    let service = serve(&["--replies", &written("serve-rules", RULES)]).await;
    let failed = |text: &str| (Some(1), text.to_owned());
    for (pattern, data, expected) in [
        ("sum", "[1,2.5]", answered("3.5")),
        (
            r#"{"cmd":"who"}"#,
            r#"{"name":"Ada"}"#,
            answered(r#"{"name":"Ada","n":1}"#),
        ),
        ("count", r#""é""#, answered("1\n\"é\"\n3")),
        ("find", r#"{"id":42}"#, answered(r#"{"name":"Ada"}"#)),
        ("find", r#"{"id":7}"#, failed(r#"{"code":404,"message":"no user 7"}"#)),
        ("next", "0", answered("1")),
        ("next", "0", failed(r#"{"status":"error","message":"none left"}"#)),
        ("next", "0", failed(r#"{"status":"error","message":"none left"}"#)),
        (
            "strict",
            r#"{"a":1}"#,
            failed(r#"{"status":"error","message":"Internal server error"}"#),
        ),
    ] {
        assert_eq!(send(&service, pattern, data).await, expected, "{pattern} {data}");
    }
    let emitted = run(&["emit", &service.address, "log", r#""hello""#]).await;
    assert_eq!(emitted, Ended::well(""));
    let ended = service.interrupt().await;
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    assert!(
        ended
            .stderr
            .contains("error: rule 8 (strict): template: invalid operation"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("9 requests, "), "{}", ended.stderr);
    assert!(!ended.stderr.contains("never used"), "{}", ended.stderr);
    assert!(ended.stdout.contains("← completion  count"), "{}", ended.stdout);
}

#[tokio::test]
async fn what_is_wrong_at_the_start_is_said_with_its_status() {
    let folder = folder("serve-mistakes");
    let file = path(&folder, "r.json");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = taken.local_addr().expect("bound").to_string();
    for (rules, error) in [
        ("[{\"pattern\":\"a\"\n  \"value\":1}]", ":2:3: unexpected '\"'"),
        (
            r#"[{"pattern":"a","vaule":1}]"#,
            r#", rule 1: "vaule"? did you mean "value""#,
        ),
        (
            r#"[{"pattern":"a","value":1,"error":2}]"#,
            ", rule 1: it has both value and error",
        ),
        (
            r#"[{"pattern":"a","value":"{{ dta }}"}]"#,
            ", rule 1: unknown name dta; there are data, metadata, pattern, n",
        ),
    ] {
        fs::write(&file, rules).expect("a file");
        let ended = run(&["serve", "--listen", "127.0.0.1:0", "--replies", &file]).await;
        assert_eq!(ended, Ended::badly(2, &format!("error: {file}{error}\n")));
    }
    for (args, error, status) in [
        (
            ["--replies", "no-such.json"],
            "error: no-such.json: no such file\n".to_owned(),
            2,
        ),
        (
            ["--command", "./no-such"],
            "error: cannot run ./no-such: no such file\n".to_owned(),
            2,
        ),
        (
            ["--command", "no-such-program"],
            "error: cannot run no-such-program: no such program in PATH\n".to_owned(),
            2,
        ),
        (
            ["--listen", &taken],
            format!("error: cannot listen on {taken}: it is taken\nhint: --listen 0 picks a free port\n"),
            3,
        ),
    ] {
        let port = match args[0] {
            "--listen" => &[][..],
            _ => &["--listen", "127.0.0.1:0"][..],
        };
        let ended = run(&[&["serve"], port, &args[..]].concat()).await;
        assert_eq!(ended.status, Some(status), "{}", ended.stderr);
        if args[0] != "--listen" {
            assert_eq!(ended.stderr, error);
        }
    }
    for args in [
        ["serve", "--echo", "--replies", "r.json"].as_slice(),
        &["serve", "--fail", "2"],
        &["serve", "--fail", "0.5:explode"],
        &["serve", "--delay", "2s..1s"],
        &["serve", "--until", "0"],
        &["serve", "--nest", "13"],
    ] {
        assert_eq!(run(args).await.status, Some(2), "{args:?}");
    }
}

#[tokio::test]
async fn an_unknown_request_gets_the_answer_of_nest_and_names_the_nearest_rule() {
    let file = written("serve-unknown", RULES);
    let mut service = serve(&["--replies", &file, "--strict", "--until", "3"]).await;
    let client = Client::new(service.address.clone());
    let unknown = client.send::<u32>("nope", &7).await.expect_err("no rule");
    assert!(unknown.is_no_handler(), "{unknown}");
    assert_eq!(
        service.line_with("unknown: ").await,
        "unknown: nope 7; nearest is rule 6, for next"
    );
    let unknown = client.send::<u32>("sum", &[1, 2]).await;
    assert_eq!(unknown.expect("a rule"), 3);
    client
        .send::<u32>("sum", &[1, 2])
        .await
        .expect("the last request is answered");
    let ended = service.ended().await;
    assert_eq!(ended.status, Some(1), "{}", ended.stderr);
    assert!(
        ended
            .stderr
            .contains("3 requests, 0 events, 1 unknown, 0 made to fail\n"),
        "{}",
        ended.stderr
    );
    assert!(
        ended.stderr.contains("never used: rule 2 ({\"cmd\":\"who\"}), "),
        "{}",
        ended.stderr
    );
}

#[tokio::test]
async fn its_last_request_ends_it_well_each_time() {
    for _ in 0..10 {
        let service = serve(&["--echo", "--until", "1"]).await;
        assert_eq!(send(&service, "any", "1").await.0, Some(0));
        let ended = service.ended().await;
        assert_eq!(ended.status, Some(0), "{}", ended.stderr);
        assert!(ended.stderr.contains("1 request, 0 events"), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn a_request_that_a_condition_keeps_from_a_rule_says_which() {
    let file = written("serve-when", r#"[{"pattern":"find","when":{"/id":42},"value":1}]"#);
    let mut service = serve(&["--replies", &file]).await;
    assert_eq!(send(&service, "find", r#"{"id":7}"#).await.0, Some(1));
    assert_eq!(
        service.line_with("unknown: ").await,
        r#"unknown: find {"id":7}; nearest is rule 1, which wants /id 42"#
    );
}

#[tokio::test]
async fn a_changed_file_is_read_again_and_a_broken_one_is_not() {
    let file = written("serve-reload", r#"[{"pattern":"a","value":1}]"#);
    let mut service = serve(&["--replies", &file]).await;
    assert_eq!(send(&service, "a", "0").await, answered("1"));
    fs::write(&file, r#"[{"pattern":"a","value":"two"}]"#).expect("a file");
    let line = service.line_with(&file).await;
    assert_eq!(line, format!("{file}: 1 rule, read again"));
    assert_eq!(send(&service, "a", "0").await, answered("\"two\""));
    fs::write(&file, "[{\"pattern\":").expect("a file");
    let line = service.line_with(&file).await;
    assert!(
        line.contains(":1:13: the JSON ends here, and more is needed; the rules of "),
        "{line}"
    );
    assert_eq!(send(&service, "a", "0").await, answered("\"two\""));
    assert_eq!(service.interrupt().await.status, Some(0));
}

#[tokio::test]
async fn rules_come_from_standard_input_too() {
    let args = ["serve", "--listen", "127.0.0.1:0", "--replies", "-"];
    let ended = run_with_stdin(&args, b"[{\"pattern\":").await;
    let error = "error: standard input:1:13: the JSON ends here, and more is needed\n";
    assert_eq!(ended, Ended::badly(2, error));
}

#[tokio::test]
async fn a_program_answers_with_its_lines_and_fails_with_its_status() {
    let folder = folder("serve-command");
    let program = path(&folder, "answer");
    fs::write(
        &program,
        "#!/bin/sh\nread data\ncase $NEST_PATTERN in\n\
         two) echo 1; echo \"{\\\"data\\\":$data}\";;\n\
         broken) echo 1; echo oops;;\n\
         fails) echo \"no luck with $data\" >&2; exit 3;;\n\
         esac\n",
    )
    .expect("a file");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("ours");
    let mut service = serve(&["--command", &program, "--ignored"]).await;
    assert_eq!(
        send(&service, "two", r#"["x"]"#).await,
        answered("1\n{\"data\":[\"x\"]}")
    );
    assert_eq!(
        send(&service, "fails", "7").await,
        (Some(1), r#"{"status":"error","message":"no luck with 7"}"#.to_owned())
    );
    assert_eq!(
        send(&service, "broken", "7").await,
        (
            Some(1),
            format!("1\n{}", r#"{"status":"error","message":"Internal server error"}"#)
        )
    );
    let line = service.line_with("error: ").await;
    assert!(line.ends_with("printed a line that is not JSON: oops"), "{line}");
    assert_eq!(service.interrupt().await.status, Some(0));
}

#[tokio::test]
async fn without_rules_it_is_the_service_of_the_tutorial_and_an_echo_repeats() {
    let service = serve(&[]).await;
    assert_eq!(send(&service, "sum", "[1,2,3]").await, answered("6"));
    let echo = serve(&["--echo"]).await;
    assert_eq!(
        send(&echo, "any", r#"{"b":1.50,"a":[]}"#).await,
        answered(r#"{"b":1.5,"a":[]}"#)
    );
}

/// Returns whether each of many calls failed.
async fn fates(seed: &str) -> Vec<bool> {
    let service = serve(&["--fail", "0.5", "--delay", "1ms..2ms", "--seed", seed]).await;
    let client = Client::new(service.address.clone());
    let mut fates = Vec::new();
    for _ in 0..40 {
        fates.push(client.send::<u32>("sum", &[1]).await.is_err());
    }
    fates
}

#[tokio::test]
async fn the_same_seed_lets_the_same_calls_fail() {
    let first = fates("7").await;
    assert!(first.contains(&true) && first.contains(&false), "{first:?}");
    assert_eq!(first, fates("7").await);
    assert_ne!(first, fates("8").await);
}

#[tokio::test]
async fn a_call_can_be_made_to_lose_its_connection_or_to_get_no_answer() {
    let closing = serve(&["--fail", "1:close"]).await;
    assert_eq!(send(&closing, "sum", "[1]").await.0, Some(3));
    assert_eq!(closing.interrupt().await.status, Some(0));
    let silent = serve(&["--fail", "1:hang"]).await;
    let ended = run(&["send", "--timeout", "200ms", &silent.address, "sum", "[1]"]).await;
    assert_eq!(ended.status, Some(4), "{}", ended.stderr);
    assert_eq!(silent.interrupt().await.status, Some(0));
}

#[tokio::test]
async fn ctrl_c_lets_calls_be_finished() {
    let file = written("serve-drain", r#"[{"pattern":"slow","value":"done","after":"700ms"}]"#);
    let mut service = serve(&["--replies", &file]).await;
    let mut lines = BufReader::new(service.take_stdout()).lines();
    let client = Client::new(service.address.clone());
    let call = tokio::spawn(async move { client.send::<String>("slow", &0).await });
    let line = lines.next_line().await.expect("a pipe").expect("a line");
    assert!(line.contains("→ request     slow"), "{line}");
    let ended = service.interrupt().await;
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    assert!(
        ended
            .stderr
            .contains("1 request, 0 events, 0 unknown, 0 made to fail\n"),
        "{}",
        ended.stderr
    );
    assert_eq!(call.await.expect("no panic").expect("an answer"), "done");
}

#[tokio::test]
async fn lines_for_programs_end_with_a_summary() {
    let file = written("serve-json", r#"[{"pattern":"a","value":1},{"event":"b"}]"#);
    let service = serve(&["--replies", &file, "--json", "--until", "1"]).await;
    assert_eq!(send(&service, "a", "0").await, answered("1"));
    let ended = service.ended().await;
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[0].starts_with(r#"{"type":"packet","at":"#), "{}", lines[0]);
    assert_eq!(
        lines[2],
        r#"{"type":"summary","requests":1,"events":0,"unknown":0,"failed":0,"unused":["rule 2 (the event b)"]}"#
    );
}
