//! `nest-wire inspect`: what its filters choose, of packets, of calls and for a recording.
#![cfg(unix)]

use std::fs;

use nest_wire::recording::Recording;

use crate::{
    command::{Ended, run},
    running::{folder, path},
    traffic::Traffic,
};

/// Four calls, a second apart: quick, slow, failed, and without an answer.
fn recorded(test: &str) -> String {
    let file = path(&folder(test), "calls.jsonl");
    let mut traffic = Traffic::new();
    traffic.call(1, "quick").after(1_000_000);
    traffic.caller(r#"{"pattern":"slow","data":2,"id":"2"}"#).after(500_000);
    traffic
        .service(r#"{"response":2,"isDisposed":true,"id":"2"}"#)
        .after(500_000);
    traffic.caller(r#"{"pattern":"fails","data":3,"id":"3"}"#).after(2_000);
    traffic
        .service(r#"{"err":"no","isDisposed":true,"id":"3"}"#)
        .after(998_000);
    traffic.caller(r#"{"pattern":"never","data":4,"id":"4"}"#);
    traffic.write(&file);
    file
}

/// Returns the patterns of the calls that are shown.
async fn pairs(file: &str, options: &[&str]) -> (Vec<String>, Ended) {
    let ended = run(&[&["inspect", file, "--pairs"], options].concat()).await;
    let patterns = ended.stdout.lines().filter_map(|line| line.split_whitespace().nth(2));
    (patterns.map(str::to_owned).collect(), ended)
}

#[tokio::test]
async fn calls_are_chosen_by_their_last_reply() {
    let file = recorded("inspect-pairs");
    for (options, shown) in [
        (&[][..], &["quick", "slow", "fails", "never"][..]),
        (&["--errors"], &["fails"]),
        (&["--slower", "100ms"], &["slow"]),
        (&["--pattern", "never"], &["never"]),
        (&["--id", "2"], &["slow"]),
    ] {
        assert_eq!(pairs(&file, options).await.0, shown, "{options:?}");
    }
    let (shown, ended) = pairs(&file, &["--slower", "1m"]).await;
    assert!(shown.is_empty());
    assert_eq!(ended, Ended::badly(0, "0 of 7 packets\n"));
}

#[tokio::test]
async fn a_recording_is_written_of_a_connection_or_a_time() {
    let file = recorded("inspect-part");
    let part = format!("{file}.part");
    for (options, patterns) in [
        (&["--from", "900ms", "--to", "1.9s"][..], &["slow"][..]),
        (&["--connection", "1"], &["quick", "slow", "fails", "never"]),
        (&["--connection", "2"], &[]),
    ] {
        let ended = run(&[&["inspect", &file, "-o", &part, "--force"], options].concat()).await;
        assert_eq!(ended, Ended::well(""), "{options:?}");
        let text = fs::read_to_string(&part).expect("a file");
        Recording::read(&text).expect("a recording");
        for pattern in ["quick", "slow", "fails", "never"] {
            assert_eq!(
                text.contains(pattern),
                patterns.contains(&pattern),
                "{options:?}: {text}"
            );
        }
    }
}

#[tokio::test]
async fn filters_that_would_choose_nothing_sensible_are_refused() {
    for options in [
        &["-o", "part.jsonl", "--pattern", "sum"][..],
        &["-o", "part.jsonl", "--errors"],
        &["--pairs", "--kind", "request"],
        &["--summary", "--errors"],
        &["--summary", "--slower", "1s"],
    ] {
        let ended = run(&[&["inspect", "calls.jsonl"], options].concat()).await;
        assert_eq!(ended.status, Some(2), "{options:?}");
        assert!(
            ended.stderr.contains("cannot be used with"),
            "{options:?}: {}",
            ended.stderr
        );
    }
    let file = recorded("inspect-standard-output");
    let ended = run(&["inspect", &file, "-o", "-"]).await;
    assert_eq!(ended, Ended::badly(2, "error: -: write the name of a file\n"));
}
