//! `--lines`: a call for each line, answers in the order of the questions.

use std::{process::Stdio, sync::Arc};

use nest_wire::{
    packet::{RawJson, RpcError},
    server::{Payload, Router},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    sync::{Notify, mpsc},
};

use crate::command::{Ended, fresh_directory, nest_wire, nowhere, run, run_with_stdin, service};

fn router() -> Router {
    Router::new().message("echo", async |data: RawJson| match data.as_str() {
        "\"bad\"" => Err(RpcError::new("bad")),
        _ => Ok(data),
    })
}

#[tokio::test]
async fn each_line_is_a_call_and_empty_ones_are_none() {
    let address = service(router()).await;
    let ended = run_with_stdin(&["send", "--lines", &address, "echo", "-"], b"1\n\n[2,  3]\n \"4\"").await;
    assert_eq!(ended, Ended::well("1\n[2,3]\n\"4\"\n"));
    let ended = run(&["send", "--lines", &address, "echo", "1\n2"]).await;
    assert_eq!(ended, Ended::well("1\n2\n"));
    assert_eq!(
        run_with_stdin(&["send", "--lines", &address, "echo", "-"], b"").await,
        Ended::well("")
    );
}

#[tokio::test]
async fn lines_may_stand_in_a_file() {
    let directory = fresh_directory("lines");
    let file = directory.join("calls.jsonl");
    std::fs::write(&file, "1\n2\n").expect("a file");
    let address = service(router()).await;
    let data = format!("@{}", file.display());
    assert_eq!(
        run(&["send", "--lines", &address, "echo", &data]).await,
        Ended::well("1\n2\n")
    );
}

#[tokio::test]
async fn calls_overlap_and_their_answers_keep_the_order() {
    // The first is answered only after the second has been.
    let second = Arc::new(Notify::new());
    let wait = async move |Payload(number): Payload<u32>| {
        match number {
            1 => second.notified().await,
            _ => second.notify_one(),
        }
        number
    };
    let address = service(Router::new().message("wait", wait)).await;
    let ended = run(&["send", "--lines", "--in-flight", "2", &address, "wait", "1\n2\n3"]).await;
    assert_eq!(ended, Ended::well("1\n2\n3\n"));
}

#[tokio::test]
async fn an_answer_is_printed_before_the_next_line_is_known() {
    let address = service(router()).await;
    let args = ["send", "--lines", "--in-flight", "4", &address, "echo", "-"];
    let mut child = nest_wire(args)
        .stderr(Stdio::inherit())
        .spawn()
        .expect("the binary runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    for line in ["1", "2", "3"] {
        stdin.write_all(format!("{line}\n").as_bytes()).await.expect("a pipe");
        assert_eq!(lines.next_line().await.expect("a pipe").as_deref(), Some(line));
    }
    drop(stdin);
    assert_eq!(child.wait().await.expect("it ends").code(), Some(0));
}

#[tokio::test]
async fn a_call_that_fails_does_not_end_the_others() {
    let address = service(router()).await;
    let ended = run(&["send", "--lines", &address, "echo", "1\n\"bad\"\n3"]).await;
    let message = "error: call 2: {\"status\":\"error\",\"message\":\"bad\"}\n";
    assert_eq!(ended, Ended::badly(1, message).having_printed("1\n3\n"));
}

#[tokio::test]
async fn a_line_that_is_no_data_ends_it_after_the_calls_before() {
    let address = service(router()).await;
    for (line, fault) in [
        ("{", "unexpected end of JSON text at byte 1"),
        ("null", "NestJS sends no null"),
    ] {
        let stdin = format!("1\n\"bad\"\n\n{line}\n5\n");
        let ended = run_with_stdin(&["send", "--lines", &address, "echo", "-"], stdin.as_bytes()).await;
        let message = format!(
            "error: call 2: {{\"status\":\"error\",\"message\":\"bad\"}}\nerror: standard input, line 4: {fault}\n"
        );
        assert_eq!(ended, Ended::badly(2, &message).having_printed("1\n"));
    }
}

#[tokio::test]
async fn programs_read_which_call_each_line_belongs_to() {
    let address = service(router()).await;
    let ended = run(&["send", "--lines", "--json", &address, "echo", "1\n\"bad\"\n[3]"]).await;
    assert_eq!(ended.status, Some(1));
    let untimed: Vec<String> = ended.stdout.lines().map(without_time).collect();
    assert_eq!(
        untimed,
        [
            r#"{"type":"value","call":1,"n":1,"value":1}"#,
            r#"{"type":"error","call":2,"status":1,"error":{"status":"error","message":"bad"}}"#,
            r#"{"type":"value","call":3,"n":1,"value":[3]}"#,
        ]
    );
}

#[tokio::test]
async fn programs_read_other_failures_as_messages() {
    let router = Router::new().message("never", std::future::pending::<u32>);
    let address = service(router).await;
    let ended = run(&["send", "--json", "--timeout", "50ms", &address, "never"]).await;
    let error = r#"{"type":"error","call":1,"status":4,"message":"no answer within 50 ms"}"#;
    assert_eq!(ended.stdout.lines().map(without_time).collect::<Vec<_>>(), [error]);
    assert_eq!(
        (ended.status, ended.stderr.as_str()),
        (Some(4), "error: no answer within 50 ms\n")
    );
}

#[tokio::test]
async fn events_are_emitted_in_the_order_of_the_lines() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let log = async move |Payload(number): Payload<u32>| {
        let _ = tell.send(number);
    };
    let address = service(Router::new().event("log", log)).await;
    let ended = run(&["emit", "--lines", "--json", &address, "log", "1\n2"]).await;
    let untimed: Vec<String> = ended.stdout.lines().map(without_time).collect();
    assert_eq!(
        untimed,
        [r#"{"type":"emitted","call":1}"#, r#"{"type":"emitted","call":2}"#]
    );
    assert_eq!((told.recv().await, told.recv().await), (Some(1), Some(2)));
}

#[tokio::test]
async fn events_before_a_line_that_is_no_data_are_emitted() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let log = async move |Payload(number): Payload<u32>| {
        let _ = tell.send(number);
    };
    let address = service(Router::new().event("log", log)).await;
    let ended = run_with_stdin(&["emit", "--lines", &address, "log", "-"], b"1\n2\n{\n4\n").await;
    let message = "error: standard input, line 3: unexpected end of JSON text at byte 1\n";
    assert_eq!(ended, Ended::badly(2, message));
    assert_eq!((told.recv().await, told.recv().await), (Some(1), Some(2)));
}

#[tokio::test]
async fn without_a_service_no_line_is_tried() {
    let ended = run(&["send", "--lines", &nowhere(), "echo", "1\n2"]).await;
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(3), ""));
    assert_eq!(ended.stderr.matches("refused").count(), 1, "{ended:?}");
}

/// Takes out `"at":0.000123`, which has six digits behind the point.
fn without_time(line: &str) -> String {
    let (before, time) = line.split_once(",\"at\":").expect("a time");
    let end = time.find([',', '}']).expect("the member ends");
    let (time, after) = time.split_at(end);
    assert_eq!(time.split_once('.').expect("a fraction").1.len(), 6, "{time}");
    format!("{before}{after}")
}
