//! Real Nest's client calls rules of `nest-wire serve`.
#![cfg(unix)]

use std::{collections::BTreeMap, fs, process::Stdio};

use nest_wire_harness::{App, Harness};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use crate::running::{Running, folder, path};

const RULES: &str = r#"[
  {"pattern":"sum", "value":"{{ data | sum }}"},
  {"pattern":{"cmd":"who"}, "value":{"😀":"{{ data.name }}"}},
  {"pattern":"count", "values":[1,2,3], "every":"1ms", "complete":"alone"},
  {"pattern":"at once", "values":["a","b"]},
  {"pattern":"none", "values":[]},
  {"pattern":"undefined", "value":"{{ data.nothing }}"},
  {"pattern":"error", "error":{"code":404,"message":"no {{ data }}"}},
  {"pattern":"text error", "error":"no {{ data }}"},
  {"event":"log"} ]"#;

/// Returns what the observables of Nest's client gave, by the key of their call.
async fn observed(major: u8, address: &str, calls: &[Value]) -> BTreeMap<String, Vec<Value>> {
    let harness = Harness::find().expect("a checkout");
    harness.install(&[major], |_| {}).await.expect("Nest is installed");
    let port = address.rsplit_once(':').expect("a port").1;
    let mut command = harness.node(App::ClientTcp, major);
    command
        .args(["--port", port])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    let mut client = command.spawn().expect("node runs");
    let mut stdin = client.stdin.take().expect("a pipe");
    let mut lines = BufReader::new(client.stdout.take().expect("a pipe")).lines();
    // Connected first: Nest 7 hands each reply over once for every call that waited for the connection.
    stdin.write_all(b"{\"op\":\"connect\"}\n").await.expect("it reads");
    while lines.next_line().await.expect("a pipe").expect("it connects") != r#"{"key":"connect","complete":true}"# {}
    for call in calls {
        stdin.write_all(format!("{call}\n").as_bytes()).await.expect("it reads");
    }
    drop(stdin);
    let mut observed: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    while let Some(line) = lines.next_line().await.expect("a pipe") {
        let mut line: Value = serde_json::from_str(&line).expect("JSON");
        let members = line.as_object_mut().expect("an object");
        if let Some(key) = members.remove("key") {
            observed
                .entry(key.as_str().expect("a text").to_owned())
                .or_default()
                .push(line);
        }
    }
    observed
}

#[tokio::test]
async fn nest_takes_canned_replies_for_those_of_a_service() {
    let file = path(&folder("serve-nest"), "replies.json");
    fs::write(&file, RULES).expect("a file");
    for major in [7, 12] {
        let service = Running::start(&["serve", "--listen", "127.0.0.1:0", "--replies", &file, "--strict"]).await;
        let done = json!({"complete": true});
        let cases = [
            (
                "sum",
                json!("sum"),
                json!([1, 2.5]),
                vec![json!({"next": 3.5}), done.clone()],
            ),
            (
                "who",
                json!({"cmd": "who"}),
                json!({"name": "é\u{1f600}"}),
                vec![json!({"next": {"😀": "é😀"}}), done.clone()],
            ),
            (
                "count",
                json!("count"),
                json!(0),
                vec![json!({"next": 1}), json!({"next": 2}), json!({"next": 3}), done.clone()],
            ),
            (
                "at once",
                json!("at once"),
                json!(0),
                vec![json!({"next": "a"}), json!({"next": "b"}), done.clone()],
            ),
            ("none", json!("none"), json!(0), vec![done.clone()]),
            ("undefined", json!("undefined"), json!({}), vec![done.clone()]),
            (
                "error",
                json!("error"),
                json!(7),
                vec![json!({"error": {"code": 404, "message": "no 7"}})],
            ),
            (
                "text error",
                json!("text error"),
                json!(7),
                vec![json!({"error": {"status": "error", "message": "no 7"}})],
            ),
        ];
        let mut calls: Vec<Value> = cases
            .iter()
            .map(|(key, pattern, data, _)| json!({"op": "send", "key": key, "pattern": pattern, "data": data}))
            .collect();
        calls.push(json!({"op": "emit", "key": "log", "pattern": "log", "data": "hello"}));
        let observed = observed(major, &service.address, &calls).await;
        for (key, _, _, expected) in cases {
            assert_eq!(observed.get(key), Some(&expected), "Nest {major}: {key}");
        }
        let ended = service.interrupt().await;
        assert_eq!(ended.status, Some(0), "Nest {major}: {}", ended.stderr);
        assert!(
            ended.stderr.contains("8 requests, 1 event, 0 unknown"),
            "{}",
            ended.stderr
        );
    }
}

#[tokio::test]
async fn nest_takes_the_answer_to_an_unknown_request_for_its_own() {
    let service = Running::start(&["serve", "--listen", "127.0.0.1:0", "--fail", "0"]).await;
    let call = json!({"op": "send", "key": "nope", "pattern": "nope", "data": 1});
    let observed = observed(12, &service.address, &[call]).await;
    let error = "There is no matching message handler defined in the remote service.";
    assert_eq!(observed.get("nope"), Some(&vec![json!({"error": error})]));
}
