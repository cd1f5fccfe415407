//! The known differences in the order of keys (`docs/PROTOCOL.md` §8.6, §8.9), compared with Node.

use std::process::Stdio;

use compat_tests::{Environment, Implementation};
use nest_wire::{Compat, pattern::Pattern};
use nest_wire_harness::App;
use serde_json::Value;
use tokio::io::AsyncWriteExt;

/// Node sorts ideographs by radical and strokes, this crate by code point. These keys show the
/// difference.
#[tokio::test]
async fn keys_that_node_sorts_otherwise() {
    let pattern = r#"{"世":1,"丗":2}"#;
    let node = route_of_nest_12(pattern, "en_US.UTF-8").await;
    let ours = Pattern::from_json(pattern).expect("JSON").route(Compat::Nest12);
    assert_eq!(node, r#"{"丗":2,"世":1}"#);
    assert_eq!(ours.as_str(), Some(r#"{"世":1,"丗":2}"#));
}

/// A Danish aa is an å, which comes after z.
#[tokio::test]
async fn nodes_locale_decides_and_ours_is_american() {
    let pattern = r#"{"z":1,"aa":2}"#;
    let ours = Pattern::from_json(pattern).expect("JSON").route(Compat::Nest12);
    assert_eq!(ours.as_str(), Some(r#"{"aa":2,"z":1}"#));
    assert_eq!(route_of_nest_12(pattern, "en_US.UTF-8").await, r#"{"aa":2,"z":1}"#);
    assert_eq!(route_of_nest_12(pattern, "da_DK.UTF-8").await, r#"{"z":1,"aa":2}"#);
}

async fn route_of_nest_12(pattern: &str, locale: &str) -> String {
    let mut command = Environment::ready().await.command(App::Route, Implementation::Nest(12));
    command.env("LC_ALL", locale);
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
