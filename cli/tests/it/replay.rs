//! `nest-wire replay`: one side of a recording against the other one.
#![cfg(unix)]

use std::{
    fs,
    time::{Duration, Instant},
};

use nest_wire::{Client, Payload, Router, json, json::Value, packet::RpcError, server::ReplyStream};
use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpSocket},
};

use crate::{
    command::{Ended, IS_IT_RUNNING, nest_wire, run, service},
    running::{Running, folder, path},
    traffic::Traffic,
};

fn router(name: &'static str) -> Router {
    async fn sum(Payload(numbers): Payload<Vec<f64>>) -> f64 {
        numbers.iter().sum()
    }
    async fn fail(Payload(why): Payload<String>) -> Result<(), RpcError> {
        Err(RpcError::new(why))
    }
    async fn count(Payload(to): Payload<u32>) -> ReplyStream {
        ReplyStream::new(futures_util::stream::iter(1..=to))
    }
    Router::new()
        .message("sum", sum)
        .message("fail", fail)
        .message("count", count)
        .message("who", async move || json!({"name": name, "at": 1}))
        .event("log", async || {})
}

/// Records a few calls to a service that is called Ada.
async fn recorded(test: &str) -> String {
    let file = path(&folder(test), "calls.jsonl");
    let service = service(router("Ada")).await;
    let recorder = Running::start(&["record", "-q", "--listen", "127.0.0.1:0", "--to", &service, "-o", &file]).await;
    let client = Client::new(&*recorder.address);
    client.send::<f64>("sum", &[1, 2, 3]).await.expect("a sum");
    client.send::<Value>("fail", "no").await.expect_err("an error");
    client.send::<u32>("count", &3).await.expect("a number");
    client.send::<Value>("who", &json!({"id": 7})).await.expect("a name");
    client.emit("log", "x").await.expect("emitted");
    client.close().await;
    assert_eq!(recorder.interrupt().await.status, Some(0));
    file
}

/// The lines without the time that it took.
fn timeless(ended: &Ended) -> String {
    let lines = ended.stdout.lines().map(|line| match line.rsplit_once("; ") {
        Some((before, time)) if time.ends_with(" s") => before,
        _ => line,
    });
    lines.map(|line| format!("{line}\n")).collect()
}

#[tokio::test]
async fn a_service_that_answers_as_recorded_passes() {
    let file = recorded("as-recorded").await;
    let service = service(router("Ada")).await;
    let ended = run(&["replay", &file, "--to", &service]).await;
    assert_eq!(
        timeless(&ended),
        "4 calls, 4 as recorded, 0 differ; 1 event sent (nobody answers those)\n"
    );
    assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""));
    let ended = run(&[
        "replay",
        &file,
        "--to",
        &service,
        "--compare",
        "bytes",
        "--loop",
        "3",
        "--skip-events",
    ])
    .await;
    assert_eq!(timeless(&ended), "12 calls, 12 as recorded, 0 differ\n");
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
}

#[tokio::test]
async fn a_difference_is_named_by_its_pointer_unless_it_is_ignored() {
    let file = recorded("difference").await;
    let service = service(router("ada")).await;
    let replay = async |flags: &[&str]| {
        let mut args = vec!["replay", &file, "--to", &service];
        args.extend(flags);
        run(&args).await
    };
    let ended = replay(&[]).await;
    assert_eq!(ended.status, Some(1));
    assert!(
        ended.stdout.contains("  ✗ who {\"id\":7}   call 4, recorded at "),
        "{}",
        ended.stdout
    );
    assert!(
        ended
            .stdout
            .contains("\n      /response/name      \"Ada\"  ->  \"ada\"\n4 calls, 3 as recorded, 1 differs; "),
        "{}",
        ended.stdout
    );
    assert_eq!(replay(&["--ignore", "/response/name"]).await.status, Some(0));
    assert_eq!(replay(&["--ignore", "/response/*"]).await.status, Some(0));
    assert_eq!(replay(&["--ignore-value", "(?i)^ada$"]).await.status, Some(0));
    assert_eq!(replay(&["--only", "sum"]).await.status, Some(0));
    let unused = replay(&["--ignore", "/response/nam"]).await;
    assert_eq!(
        (unused.status, unused.stderr.as_str()),
        (Some(1), "warning: --ignore /response/nam matched nothing\n")
    );
    let json = replay(&["--json"]).await.stdout;
    let line = json.lines().next().expect("a line");
    assert!(
        line.contains(r#""pointer":"/response/name""#) && line.contains(r#""came":"\"ada\"""#),
        "{line}"
    );
}

#[tokio::test]
async fn a_junit_report_has_a_case_for_each_call() {
    let file = recorded("junit").await;
    let junit = file.replace("calls.jsonl", "junit.xml");
    let service = service(router("<b>&")).await;
    let ended = run(&["replay", &file, "--to", &service, "--junit", &junit]).await;
    assert_eq!(ended.status, Some(1), "{}", ended.stderr);
    let xml = fs::read_to_string(&junit).expect("a report");
    assert_eq!(xml.matches("<testcase ").count(), 4, "{xml}");
    assert_eq!(xml.matches("<failure ").count(), 1, "{xml}");
    assert!(
        xml.contains("/response/name") && xml.contains("&lt;b&gt;&amp;"),
        "{xml}"
    );
}

#[tokio::test]
async fn what_came_becomes_the_recording_if_the_user_says_so() {
    let file = recorded("update").await;
    let ada = service(router("ada")).await;
    let updated = run(&["replay", &file, "--to", &ada, "--update"]).await;
    assert_eq!(updated.status, Some(0), "{}{}", updated.stdout, updated.stderr);
    assert_eq!(run(&["replay", &file, "--to", &ada]).await.status, Some(0));
    // A service that knows nothing would ruin the recording.
    let before = fs::read_to_string(&file).expect("a file");
    let nobody = service(Router::new()).await;
    let refused = run(&["replay", &file, "--to", &nobody, "--update"]).await;
    assert_eq!(refused.status, Some(1));
    assert!(
        refused.stderr.contains("errors where values were recorded"),
        "{}",
        refused.stderr
    );
    assert_eq!(fs::read_to_string(&file).expect("a file"), before);
}

#[tokio::test]
async fn a_service_that_never_answers_is_a_difference_and_one_that_goes_away_is_no_connection() {
    let file = recorded("silent").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    let ended = run(&[
        "replay",
        &file,
        "--to",
        &address,
        "--timeout",
        "50ms",
        "--only",
        "count",
    ])
    .await;
    assert_eq!(ended.status, Some(1), "{}", ended.stderr);
    assert!(
        ended.stdout.contains("      no answer within 0.05 s; recorded: "),
        "{}",
        ended.stdout
    );
    drop(listener);
    let ended = run(&["replay", &file, "--to", &address]).await;
    let message = format!("error: cannot connect to {address}: refused (0 of 4 calls were made)\n{IS_IT_RUNNING}");
    assert_eq!(ended, Ended::badly(3, &message));
}

#[tokio::test]
async fn a_replay_that_compares_nothing_does_not_pass() {
    let file = recorded("nothing").await;
    let service = service(router("Ada")).await;
    let ended = run(&["replay", &file, "--to", &service, "--only", "log"]).await;
    let message = format!("error: {file}: nothing was compared: 1 event and 0 unanswered calls\n");
    assert_eq!((ended.status, ended.stderr), (Some(1), message));
}

#[tokio::test]
async fn a_stand_in_answers_what_was_recorded_and_nothing_else() {
    let file = recorded("stand-in").await;
    let mut stand_in = Running::start(&["replay", &file, "--listen", "127.0.0.1:0"]).await;
    let client = Client::new(&*stand_in.address);
    // Another order of keys and another spelling of numbers are the same call.
    assert_eq!(client.send::<f64>("sum", &[1.0, 2.0, 3.0]).await.expect("a sum"), 6.0);
    client.send::<Value>("fail", "no").await.expect_err("an error");
    assert_eq!(client.send::<u32>("count", &3).await.expect("a number"), 3);
    let error = client
        .send::<Value>("who", &json!({"id": 8}))
        .await
        .expect_err("unknown");
    assert!(error.to_string().contains("not in the recording"), "{error}");
    let line = stand_in.line_with("unknown: ").await;
    assert_eq!(
        line,
        r#"unknown: who {"id":8}; the nearest recorded call is who {"id":7}"#
    );
    client.close().await;
    let ended = stand_in.interrupt().await;
    assert_eq!(ended.status, Some(1), "{}", ended.stderr);
    assert_eq!(
        ended.stdout,
        "3 requests answered, 1 unknown; 1 recorded answer not asked for; 0 events\n"
    );
}

#[tokio::test]
async fn a_stand_in_ends_when_all_was_asked_or_nobody_asks() {
    let file = recorded("until").await;
    let stand_in = Running::start(&["replay", &file, "--listen", "127.0.0.1:0", "--until", "all"]).await;
    let client = Client::new(&*stand_in.address);
    client.send::<f64>("sum", &[1, 2, 3]).await.expect("a sum");
    client.send::<Value>("fail", "no").await.expect_err("an error");
    client.send::<u32>("count", &3).await.expect("a number");
    client.send::<Value>("who", &json!({"id": 7})).await.expect("a name");
    assert_eq!(stand_in.ended().await.status, Some(0));
    let stand_in = Running::start(&["replay", &file, "--listen", "127.0.0.1:0", "--until", "idle=50ms"]).await;
    let ended = stand_in.ended().await;
    assert_eq!(ended.status, Some(1));
    assert!(ended.stderr.ends_with("error: nobody called\n"), "{}", ended.stderr);
}

#[tokio::test]
async fn recorded_times_are_kept_if_the_user_says_so() {
    let file = path(&folder("timing"), "calls.jsonl");
    let line = |at: f64, from: &str, text: &str| {
        let frame = format!("{}#{text}", text.len());
        format!("{}\n", json!({"at": at, "connection": 1, "from": from, "text": frame}))
    };
    let request = line(0.0, "caller", r#"{"pattern":"a","data":1,"id":"1"}"#);
    let reply = line(0.3, "service", r#"{"response":1,"isDisposed":true,"id":"1"}"#);
    fs::write(&file, format!("{{\"format\":\"1\"}}\n{request}{reply}")).expect("a file");
    let stand_in = Running::start(&["replay", &file, "--listen", "127.0.0.1:0", "--timing", "recorded"]).await;
    let client = Client::new(&*stand_in.address);
    let began = Instant::now();
    assert_eq!(client.send::<u32>("a", &1).await.expect("an answer"), 1);
    assert!(began.elapsed() >= Duration::from_millis(300));
    stand_in.interrupt().await;
}

#[tokio::test]
async fn a_stand_in_whose_outputs_nobody_reads_gives_its_verdict_all_the_same() {
    let file = recorded("closed").await;
    let mut stand_in = Running::start(&["replay", &file, "--listen", "127.0.0.1:0"]).await;
    let client = Client::new(&*stand_in.address);
    client.send::<f64>("sum", &[1, 2, 3]).await.expect("a sum");
    client.close().await;
    drop(stand_in.take_stdout());
    assert_eq!(stand_in.interrupt().await.status, Some(0));
}

#[tokio::test]
async fn a_speed_beyond_all_clocks_is_no_panic() {
    let file = recorded("speed").await;
    let service = service(router("Ada")).await;
    let replay = nest_wire(["replay", &file, "--to", &service, "--speed", "1e-300"])
        .spawn()
        .expect("the binary runs");
    let ended = run(&["replay", &file, "--to", &service, "--speed", "1e300"]).await;
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    let id = replay.id().expect("it waits").to_string();
    let killed = tokio::process::Command::new("kill").args(["-INT", &id]).status().await;
    assert!(killed.expect("a kill command").success());
    let ended = crate::command::end_of(replay).await;
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
}

#[tokio::test]
async fn an_update_of_a_masked_recording_writes_no_secret() {
    let file = path(&folder("masked-update"), "calls.jsonl");
    let ada = service(router("Ada")).await;
    let recorder = Running::start(&[
        "record",
        "-q",
        "--listen",
        "127.0.0.1:0",
        "--to",
        &ada,
        "-o",
        &file,
        "--mask",
        "/response/name",
    ])
    .await;
    let client = Client::new(&*recorder.address);
    client.send::<Value>("who", &json!({"id": 7})).await.expect("a name");
    client.close().await;
    recorder.interrupt().await;
    let secret = service(router("the secret name")).await;
    let updated = run(&["replay", &file, "--to", &secret, "--update"]).await;
    assert_eq!(updated.status, Some(0), "{}{}", updated.stdout, updated.stderr);
    let written = fs::read_to_string(&file).expect("a file");
    assert!(!written.contains("secret"), "{written}");
    assert!(written.contains(r#"\"name\":\"***\""#), "{written}");
    assert_eq!(run(&["replay", &file, "--to", &secret]).await.status, Some(0));
}

#[tokio::test]
async fn an_update_that_is_not_finished_leaves_nothing_and_a_report_is_written_all_the_same() {
    let folder = folder("unfinished");
    let file = path(&folder, "calls.jsonl");
    fs::copy(recorded("unfinished-source").await, &file).expect("a file");
    let junit = path(&folder, "junit.xml");
    let service = service(router("ada")).await;
    let ended = run(&[
        "replay",
        &file,
        "--to",
        &service,
        "--fail-fast",
        "--update",
        "--junit",
        &junit,
    ])
    .await;
    assert_eq!(ended.status, Some(1), "{}", ended.stderr);
    assert!(fs::read_to_string(&junit).expect("a report").contains("/response/name"));
    let mut names: Vec<_> = fs::read_dir(&folder)
        .expect("a folder")
        .map(|entry| entry.expect("a file").file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["calls.jsonl", "junit.xml"]);
}

#[tokio::test]
async fn a_service_that_sends_values_without_end_ends_no_replay() {
    let file = recorded("endless").await;
    let endless = Router::new().message("count", async || ReplyStream::new(futures_util::stream::repeat(1)));
    let service = service(endless).await;
    let ended = run(&["replay", &file, "--to", &service, "--only", "count"]).await;
    assert_eq!(ended.status, Some(1), "{}", ended.stderr);
    assert!(
        ended.stdout.contains("more than 1000 values that were not recorded"),
        "{}",
        ended.stdout
    );
}

#[tokio::test]
async fn a_service_that_never_reads_ends_no_replay() {
    let folder = folder("never-reads");
    let file = path(&folder, "calls.jsonl");
    let text = format!(r#"{{"pattern":"a","data":"{}","id":"1"}}"#, "x".repeat(30_000_000));
    let reply = r#"{"isDisposed":true,"id":"1"}"#;
    let line = |from: &str, text: &str| {
        let frame = format!("{}#{text}", text.len());
        format!("{}\n", json!({"connection": 1, "from": from, "text": frame}))
    };
    // Below the size that is kept of a frame, and beyond what sockets buffer.
    let text = text.replacen(&"x".repeat(20_000_000), "", 1);
    fs::write(
        &file,
        format!("{{}}\n{}{}", line("caller", &text), line("service", reply)),
    )
    .expect("a file");
    // With a receive buffer of this size, and not one that grows as far as the system allows.
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(64 * 1024).expect("a buffer");
    socket
        .bind("127.0.0.1:0".parse().expect("an address"))
        .expect("a free port");
    let listener = socket.listen(1).expect("a listener");
    let address = listener.local_addr().expect("an address").to_string();
    let ended = run(&["replay", &file, "--to", &address, "--timeout", "50ms"]).await;
    assert_eq!(ended.status, Some(1), "{}", ended.stderr);
    assert!(ended.stdout.contains("the service does not read"), "{}", ended.stdout);
}

#[tokio::test]
async fn a_connection_that_is_lost_ends_its_calls_at_once_and_the_rest_is_asked_over_another() {
    let file = path(&folder("lost"), "calls.jsonl");
    let frame = |text: &str| format!("{}#{text}", text.len());
    let line = |from: &str, text: &str| format!("{}\n", json!({"connection": 1, "from": from, "text": frame(text)}));
    let (never, die) = (
        r#"{"pattern":"never","data":1,"id":"1"}"#,
        r#"{"pattern":"die","data":1,"id":"2"}"#,
    );
    let recording = [
        line("caller", never),
        line("caller", die),
        line("service", r#"{"response":2,"isDisposed":true,"id":"2"}"#),
        line("caller", r#"{"pattern":"sum","data":[1],"id":"3"}"#),
        line("service", r#"{"response":1,"isDisposed":true,"id":"3"}"#),
        line("service", r#"{"response":1,"isDisposed":true,"id":"1"}"#),
    ];
    fs::write(&file, format!("{{}}\n{}", recording.concat())).expect("a file");
    // The first connection ends after two requests; the second one answers.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    let two = frame(never).len() + frame(die).len();
    tokio::spawn(async move {
        let (mut first, _) = listener.accept().await.expect("the replay");
        let mut bytes = vec![0; two];
        first.read_exact(&mut bytes).await.expect("two requests");
        drop(first);
        let (second, _) = listener.accept().await.expect("the replay again");
        nest_wire::server::serve_connection(second, router("Ada")).await
    });
    // Nothing here may wait for this long.
    let ended = run(&["replay", &file, "--to", &address, "--timeout", "1h", "--json"]).await;
    assert_eq!(ended.status, Some(1), "{}", ended.stderr);
    let total = r#""calls":3,"differ":2,"#;
    assert!(ended.stdout.contains(total), "{}", ended.stdout);
    assert!(ended.stdout.contains(r#""lost_connections":1"#), "{}", ended.stdout);
    let lost = "the connection was lost before the answer: closed by the service";
    assert_eq!(ended.stdout.matches(lost).count(), 2, "{}", ended.stdout);
}

#[tokio::test]
async fn a_connection_that_is_lost_at_the_last_call_is_counted() {
    let file = path(&folder("lost-last"), "calls.jsonl");
    let mut traffic = Traffic::new();
    traffic.call(1, "one");
    traffic.write(&file);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("the replay");
        stream.read_exact(&mut [0; 10]).await.expect("a request");
    });
    let ended = run(&["replay", &file, "--to", &address, "--json"]).await;
    assert!(
        ended.stdout.contains(r#""lost_connections":1"#),
        "{}{}",
        ended.stdout,
        ended.stderr
    );
}

/// Replays a recording of these bytes of a caller, and returns what the service received.
async fn replayed_bytes(test: &str, bytes: &'static [u8], flags: &[&str]) -> Vec<u8> {
    let file = path(&folder(test), "calls.jsonl");
    let mut traffic = Traffic::default();
    traffic.bytes(nest_wire::recording::Side::Caller, bytes);
    traffic.write(&file);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    let mut args = vec!["replay", &file, "--to", &address];
    args.extend(flags);
    let received = async {
        let (mut stream, _) = listener.accept().await.expect("a caller");
        let mut received = Vec::new();
        stream.read_to_end(&mut received).await.expect("bytes");
        received
    };
    tokio::join!(run(&args), received).1
}

#[tokio::test]
async fn requests_are_sent_byte_for_byte_as_they_were_recorded() {
    // A text that is not UTF-8, a header with more than a number, and bytes that are no frame.
    let bytes = b"26#{\"pattern\":\"log\",\"data\":\"\xff\"}+26 #{\"pattern\":\"log\",\"data\":1}GET / HTTP/1.1\r\n\r\n26#{\"pattern\":\"log\",\"data\":2}";
    let bytes: &[u8] = bytes;
    assert_eq!(replayed_bytes("byte-for-byte", bytes, &[]).await, bytes);
}

#[tokio::test]
async fn of_one_pattern_nothing_else_is_sent_not_even_what_is_broken() {
    let bytes = b"26#{\"pattern\":\"log\",\"data\":1}5#hello26#{\"pattern\":\"sum\",\"data\":1}26#{\"pattern\":\"log\",\"data\":2}";
    let expected = b"26#{\"pattern\":\"log\",\"data\":1}26#{\"pattern\":\"log\",\"data\":2}";
    let received = replayed_bytes("only-whole", bytes, &["--only", "log"]).await;
    assert_eq!(received, expected);
}
