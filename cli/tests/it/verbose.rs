//! `--verbose`: the frames and the times, on standard error and nowhere else.

use futures_util::{StreamExt, stream};
use nest_wire::server::{ReplyStream, Router};

use crate::command::{run, service};

fn router() -> Router {
    Router::new()
        .message("stream", async || {
            ReplyStream::new(stream::iter(["求", "和"]).chain(stream::pending()))
        })
        .message("one", async || 1)
        .message("nothing", async || {})
}

/// Returns the lines of standard error: ids as `ID`, times as `T`.
fn masked(stderr: &str) -> Vec<String> {
    stderr.lines().map(|line| masked_time(&masked_id(line))).collect()
}

fn masked_id(line: &str) -> String {
    match line.split_once("\"id\":\"") {
        Some((before, id)) => format!("{before}\"id\":\"ID{}", &id[21..]),
        None => line.to_owned(),
    }
}

fn masked_time(line: &str) -> String {
    let Some(bare) = line.strip_suffix(" ms").or_else(|| line.strip_suffix(" s")) else {
        return line.to_owned();
    };
    let number = bare.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    match number.strip_suffix('+') {
        Some(frame) => format!("{} +T", frame.trim_end()),
        None => format!("{} T", number.trim_end()),
    }
}

#[tokio::test]
async fn frames_are_shown_as_they_pass() {
    let address = service(router()).await;
    let ended = run(&["send", "-v", "--values", "2", &address, "stream", "[1]"]).await;
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(0), "\"求\"\n\"和\"\n"));
    assert_eq!(
        masked(&ended.stderr),
        [
            format!("* connected to {address} in T"),
            r#"> 60#{"pattern":"stream","data":[1],"id":"ID"}"#.to_owned(),
            r#"< 45#{"response":"求","id":"ID"} T"#.to_owned(),
            r#"< 45#{"response":"和","id":"ID"} +T"#.to_owned(),
            "* 2 values, the rest is not waited for, T".to_owned(),
        ]
    );
}

#[tokio::test]
async fn the_end_of_a_call_is_told() {
    let address = service(router()).await;
    for (pattern, last) in [
        ("one", "* 1 value, completed, T"),
        ("nothing", "* completed without a value (undefined), T"),
    ] {
        let ended = run(&["send", "--verbose", &address, pattern]).await;
        assert_eq!(masked(&ended.stderr).last().map(String::as_str), Some(last));
    }
}

#[tokio::test]
async fn events_and_checks_show_theirs_too() {
    let address = service(router()).await;
    let ended = run(&["emit", "-v", &address, "log", "\"求和\""]).await;
    assert_eq!(
        masked(&ended.stderr)[1..],
        [r#"> 29#{"pattern":"log","data":"求和"}"#, "* emitted: 1"]
    );
    let ended = run(&["check", "-v", &address, "one"]).await;
    assert_eq!(ended.status, Some(0));
    assert!(
        ended.stderr.contains("\n> 56#{\"pattern\":\"one\",\"data\":{},"),
        "{ended:?}"
    );
}

#[tokio::test]
async fn without_it_nothing_is_said() {
    let address = service(router()).await;
    assert_eq!(run(&["send", &address, "one"]).await.stderr, "");
}
