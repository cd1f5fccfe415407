//! Nest's own client, driven by lines.

use std::{collections::BTreeMap, process::Stdio};

use nest_wire::{cli::harness::App, js};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdout},
    time::timeout,
};

use crate::{Make, PATIENCE, Stage};

/// Has the `ClientTCP` of a major do what `lines` say (see `node-harness/README.md`) to the service on `port` of
/// 127.0.0.1. Gives what its observables did, as it printed it, by key: what belongs to different keys has no order.
///
/// # Panics
/// If it fails, or is not done in time.
pub async fn ask_client(stage: &Stage, major: u8, port: u16, lines: &[String]) -> BTreeMap<String, Vec<String>> {
    let mut command = stage.command(App::ClientTcp, Make::Nest(major));
    command
        .args(["--port", &port.to_string()])
        // It warns of more calls at once than it is used to.
        .env("NODE_NO_WARNINGS", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    let client = command.spawn().expect("node can be run");
    timeout(PATIENCE, converse(client, lines))
        .await
        .unwrap_or_else(|_| panic!("the client of Nest {major} was not done within {PATIENCE:?}"))
}

async fn converse(mut client: Child, lines: &[String]) -> BTreeMap<String, Vec<String>> {
    let mut input = client.stdin.take().expect("a pipe");
    let mut output = BufReader::new(client.stdout.take().expect("a pipe")).lines();
    assert_eq!(next(&mut output).await.as_deref(), Some(r#"{"ready":true}"#));
    let request = lines.join("\n") + "\n";
    input.write_all(request.as_bytes()).await.expect("it reads");
    drop(input);
    let mut done: BTreeMap<String, Vec<String>> = BTreeMap::new();
    while let Some(line) = next(&mut output).await {
        let value = js::parse(&line).expect("a line of JSON");
        let key = value.as_object().and_then(|line| line.get("key"));
        let key = key.map(js::Value::stringify).unwrap_or_default();
        done.entry(key).or_default().push(line);
    }
    let status = client.wait().await.expect("it ends");
    assert!(status.success(), "the client ended with {status}");
    done
}

async fn next(output: &mut Lines<BufReader<ChildStdout>>) -> Option<String> {
    output.next_line().await.expect("it prints text")
}
