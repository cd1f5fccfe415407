//! The one difference in the order of keys that we know of (`docs/PROTOCOL.md` §8.6), held to what Node does.

use std::process::Stdio;

use compat_tests::{Make, Stage};
use nest_wire::{Compat, cli::harness::App, pattern::Pattern};
use serde_json::Value;
use tokio::io::AsyncWriteExt;

/// Node sorts ideographs by radical and strokes, we by code point. Here that makes a difference.
#[tokio::test]
async fn keys_that_node_sorts_otherwise() {
    let pattern = r#"{"世":1,"丗":2}"#;
    let node = route_of_nest_12(pattern).await;
    let ours = Pattern::from_json(pattern).expect("JSON").route(Compat::Nest12);
    assert_eq!(node, r#"{"丗":2,"世":1}"#);
    assert_eq!(ours.as_str(), Some(r#"{"世":1,"丗":2}"#));
}

async fn route_of_nest_12(pattern: &str) -> String {
    let mut command = Stage::ready().await.command(App::Route, Make::Nest(12));
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut oracle = pipes.spawn().expect("node can be run");
    let mut input = oracle.stdin.take().expect("a pipe");
    input
        .write_all(format!("{pattern}\n").as_bytes())
        .await
        .expect("it reads");
    drop(input);
    let output = oracle.wait_with_output().await.expect("it ends");
    let line: Value = serde_json::from_slice(&output.stdout).expect("a line of JSON");
    line["registered"].as_str().expect("a route").to_owned()
}
