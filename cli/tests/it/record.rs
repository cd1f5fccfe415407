//! `nest-wire record` and `tap`: a proxy that shows and writes what passes.
#![cfg(unix)]

use std::fs;

use nest_wire::{
    Client, Payload, Router, json,
    json::Value,
    packet::RpcError,
    recording::{Content, Recording, Side},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{
    command::{Ended, run, service},
    running::{Running, folder, path},
};

fn router() -> Router {
    async fn sum(Payload(numbers): Payload<Vec<f64>>) -> f64 {
        numbers.iter().sum()
    }
    async fn fail(Payload(_): Payload<Value>) -> Result<(), RpcError> {
        Err(RpcError::new("no"))
    }
    Router::new()
        .message("sum", sum)
        .message("fail", fail)
        .event("log", async || {})
}

fn read(file: &str) -> Recording {
    Recording::read(&fs::read_to_string(file).expect("a file")).expect("a recording")
}

/// All bytes of one side of a connection.
fn bytes(recording: &Recording, connection: u32, from: Side) -> String {
    let bytes: Vec<u8> = recording.segments(connection, from).flatten().copied().collect();
    String::from_utf8(bytes).expect("text")
}

#[tokio::test]
async fn what_passes_is_recorded_shown_and_summed_up() {
    let folder = folder("record");
    let file = path(&folder, "calls.jsonl");
    let service = service(router()).await;
    let recorder = Running::start(&["record", "--listen", "127.0.0.1:0", "--to", &service, "-o", &file]).await;
    let client = Client::new(&*recorder.address);
    assert_eq!(client.send::<f64>("sum", &[1, 2, 3]).await.expect("a sum"), 6.0);
    client.send::<Value>("fail", "求和").await.expect_err("an error");
    client.emit("log", "求和").await.expect("emitted");
    client.close().await;
    let ended = recorder.interrupt().await;
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    let kinds: Vec<String> = ended
        .stdout
        .lines()
        .map(|line| line.chars().skip(15).take(11).collect())
        .collect();
    let kinds: Vec<&str> = kinds.iter().map(|kind| kind.trim()).collect();
    assert_eq!(
        kinds,
        ["request", "last value", "request", "error", "event"],
        "{}",
        ended.stdout
    );
    assert!(
        ended.stderr.contains("5 packets on 1 connection in "),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("\nlog (event)         1\n"), "{}", ended.stderr);

    let recording = read(&file);
    assert_eq!(recording.about["format"], "1");
    assert!(bytes(&recording, 1, Side::Caller).starts_with(r#"61#{"pattern":"sum","data":[1,2,3],"id":""#));
    assert!(bytes(&recording, 1, Side::Caller).ends_with(r#"29#{"pattern":"log","data":"求和"}"#));
    assert!(bytes(&recording, 1, Side::Service).starts_with(r#"61#{"response":6,"isDisposed":true,"id":""#));
    assert!(recording.events.is_sorted_by_key(|event| event.at));
    assert!(matches!(recording.events[0].content, Content::Opened(_)));
    assert_eq!(
        recording
            .events
            .iter()
            .filter(|event| event.content == Content::End)
            .count(),
        2
    );
}

#[tokio::test]
async fn masks_reach_the_file_and_the_screen_and_not_the_service() {
    let folder = folder("mask");
    let file = path(&folder, "calls.jsonl");
    let echo = Router::new().message("echo", async |Payload(value): Payload<Value>| value);
    let service = service(echo).await;
    let recorder = Running::start(&[
        "record",
        "--listen",
        "127.0.0.1:0",
        "--to",
        &service,
        "-o",
        &file,
        "--mask",
        "/data/secret",
        "--mask",
        "/response/secret",
        "--mask",
        "/data/sekret",
    ])
    .await;
    let client = Client::new(&*recorder.address);
    let data = json!({"secret": "open, sesame", "name": "Ali"});
    assert_eq!(client.send::<Value>("echo", &data).await.expect("an echo"), data);
    client.close().await;
    let ended = recorder.interrupt().await;
    let written = fs::read_to_string(&file).expect("a file");
    for text in [&written, &ended.stdout, &ended.stderr] {
        assert!(!text.contains("sesame"), "{text}");
    }
    assert!(
        ended.stderr.contains("warning: --mask /data/sekret matched nothing\n"),
        "{}",
        ended.stderr
    );
    let recording = read(&file);
    assert_eq!(recording.about["masked"], "/data/secret /response/secret /data/sekret");
    let request = bytes(&recording, 1, Side::Caller);
    let (header, text) = request.split_once('#').expect("a header");
    assert_eq!(
        header.parse::<usize>().expect("a number"),
        nest_wire::codec::units(text)
    );
    assert!(text.contains(r#""secret":"***","name":"Ali""#), "{text}");
}

#[tokio::test]
async fn a_reset_of_the_service_and_its_absence_are_passed_on_and_recorded() {
    let folder = folder("resets");
    let file = path(&folder, "calls.jsonl");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let service = listener.local_addr().expect("an address").to_string();
    let recorder = Running::start(&["record", "-q", "--listen", "127.0.0.1:0", "--to", &service, "-o", &file]).await;
    // The recorder looks once whether the service is there.
    drop(listener.accept().await.expect("the recorder"));

    let mut caller = TcpStream::connect(&recorder.address).await.expect("connected");
    let (mut accepted, _) = listener.accept().await.expect("a caller");
    caller.write_all(b"4#null").await.expect("written");
    accepted.read_exact(&mut [0; 6]).await.expect("a frame");
    accepted.set_zero_linger().expect("a socket");
    drop(accepted);
    let error = caller.read(&mut [0]).await.expect_err("a reset");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);

    drop(listener);
    // The reset may come before the caller knows that it is connected.
    if let Ok(mut refused) = TcpStream::connect(&recorder.address).await {
        assert!(refused.read(&mut [0]).await.is_err(), "a caller of nobody gets a reset");
    }
    let ended = recorder.interrupt().await;
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    let recording = read(&file);
    let has = |connection: u32, from: Side, content: Content| {
        let mut events = recording.events.iter();
        events.any(|event| (event.connection, event.from, &event.content) == (connection, from, &content))
    };
    assert!(has(1, Side::Service, Content::Reset), "{recording:?}");
    assert!(
        has(2, Side::Service, Content::Failed("refused".to_owned())),
        "{recording:?}"
    );
}

#[tokio::test]
async fn half_closed_connections_stay_so() {
    let folder = folder("half-close");
    let file = path(&folder, "calls.jsonl");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let service = listener.local_addr().expect("an address").to_string();
    let recorder = Running::start(&["record", "-q", "--listen", "127.0.0.1:0", "--to", &service, "-o", &file]).await;
    drop(listener.accept().await.expect("the recorder"));
    let mut caller = TcpStream::connect(&recorder.address).await.expect("connected");
    let (mut accepted, _) = listener.accept().await.expect("a caller");
    caller.write_all(b"4#null").await.expect("written");
    caller.shutdown().await.expect("closed");
    let mut asked = String::new();
    accepted.read_to_string(&mut asked).await.expect("text");
    accepted.write_all(b"2#[]").await.expect("written");
    drop(accepted);
    let mut answered = String::new();
    caller.read_to_string(&mut answered).await.expect("text");
    assert_eq!((asked.as_str(), answered.as_str()), ("4#null", "2#[]"));
    recorder.interrupt().await;
}

#[tokio::test]
async fn a_recording_is_written_over_or_added_to_only_if_the_user_says_so() {
    let folder = folder("append");
    let file = path(&folder, "calls.jsonl");
    let service = service(router()).await;
    let record = async |flags: &[&str]| {
        let mut args = vec!["record", "-q", "--listen", "127.0.0.1:0", "--to", &service, "-o", &file];
        args.extend(flags);
        let recorder = Running::start(&args).await;
        let client = Client::new(&*recorder.address);
        client.send::<f64>("sum", &[1]).await.expect("a sum");
        client.close().await;
        recorder.interrupt().await
    };
    record(&[]).await;
    let refused = run(&["record", "--listen", "127.0.0.1:0", "--to", &service, "-o", &file]).await;
    let message = format!("error: {file} exists\nhint: --force writes over it, --append adds to it\n");
    assert_eq!((refused.status, refused.stderr), (Some(2), message));
    record(&["--append"]).await;
    let recording = read(&file);
    assert_eq!(recording.connections(), 2);
    assert!(recording.events.is_sorted_by_key(|event| event.at));
    record(&["--force"]).await;
    assert_eq!(read(&file).connections(), 1);
}

#[tokio::test]
async fn what_is_added_is_masked_as_what_was_there() {
    let folder = folder("append-masked");
    let file = path(&folder, "calls.jsonl");
    let service = service(router()).await;
    let args = ["record", "-q", "--listen", "127.0.0.1:0", "--to", &service, "-o", &file];
    for flags in [
        &["--mask", "/data"][..],
        &["--append"],
        &["--append", "--mask", "/data"],
    ] {
        let recorder = Running::start(&[&args, flags].concat()).await;
        let client = Client::new(&*recorder.address);
        client.send::<f64>("sum", &[4_242]).await.expect("a sum");
        client.close().await;
        assert_eq!(recorder.interrupt().await.status, Some(0));
    }
    let text = fs::read_to_string(&file).expect("a recording");
    assert!(!text.contains("[4242]"), "{text}");
    assert_eq!(read(&file).connections(), 3);
    let other = ["--append", "--mask", "/response"];
    let refused = run(&[&args[..], &other].concat()).await;
    let message = format!(
        "error: {file} was begun without --mask /response\n\
         hint: inspect --mask -o writes a masked copy; then add to that\n"
    );
    assert_eq!((refused.status, refused.stderr), (Some(2), message));
}

/// A file that may not grow stands for a full disk: the system refuses to write in both cases.
#[tokio::test]
async fn a_full_disk_stops_the_recording_and_not_the_traffic() {
    let folder = folder("full");
    let file = path(&folder, "calls.jsonl");
    let service = service(router()).await;
    let record = "trap '' XFSZ; ulimit -f 8; exec \"$0\" record -q --listen 127.0.0.1:0 --to \"$1\" -o \"$2\"";
    let mut command = tokio::process::Command::new("sh");
    command.args(["-c", record, env!("CARGO_BIN_EXE_nest-wire"), &service, &file]);
    let mut recorder = Running::of(command).await;
    let client = Client::new(&*recorder.address);
    let numbers = vec![0.5; 2000];
    for _ in 0..4 {
        client.send::<f64>("sum", &numbers).await.expect("a sum");
    }
    recorder.line_with(&format!("error: {file}: ")).await;
    client.send::<f64>("sum", &numbers).await.expect("a sum");
    client.close().await;
    let ended = recorder.interrupt().await;
    assert_eq!(ended.status, Some(5), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("; traffic passes on, unrecorded since "),
        "{}",
        ended.stderr
    );
    // What is there is whole.
    assert!(read(&file).events.len() < 10);
}

#[tokio::test]
async fn a_file_that_cannot_be_written_at_all_is_an_error_at_once() {
    let service = service(router()).await;
    let arguments = [
        "record",
        "-q",
        "--listen",
        "127.0.0.1:0",
        "--to",
        &service,
        "-o",
        "/dev/full",
        "--force",
    ];
    assert_eq!(
        run(&arguments).await,
        Ended::badly(2, "error: /dev/full: no space left\n")
    );
}

#[tokio::test]
async fn at_its_largest_size_the_file_is_whole_and_traffic_passes_on() {
    let folder = folder("max-size");
    let file = path(&folder, "calls.jsonl");
    let service = service(router()).await;
    let mut recorder = Running::start(&[
        "record",
        "-q",
        "--listen",
        "127.0.0.1:0",
        "--to",
        &service,
        "-o",
        &file,
        "--max-size",
        "600",
    ])
    .await;
    let client = Client::new(&*recorder.address);
    for _ in 0..20 {
        client.send::<f64>("sum", &[1, 2]).await.expect("a sum");
    }
    recorder
        .line_with(&format!(
            "{file}: --max-size is reached; traffic passes on, unrecorded since "
        ))
        .await;
    client.send::<f64>("sum", &[1, 2]).await.expect("a sum");
    client.close().await;
    assert_eq!(recorder.interrupt().await.status, Some(0));
    assert!(!read(&file).events.is_empty());
    assert!(fs::metadata(&file).expect("a file").len() < 900);
}

#[tokio::test]
async fn tap_ends_well_when_its_reader_has_seen_enough() {
    let service = service(router()).await;
    let mut tap = Running::start(&["tap", "--listen", "127.0.0.1:0", "--to", &service]).await;
    drop(tap.take_stdout());
    let client = Client::new(&*tap.address);
    // More than once: a process that another test has just forked may hold the pipe open for a moment.
    // Tap may be gone before an answer has passed.
    while client.send::<f64>("sum", &[1]).await.is_ok() {}
    let ended = tap.ended().await;
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
}

#[tokio::test]
async fn only_what_is_asked_for_is_shown_and_everything_is_recorded() {
    let folder = folder("only");
    let file = path(&folder, "calls.jsonl");
    let service = service(router()).await;
    let recorder = Running::start(&[
        "record",
        "--listen",
        "127.0.0.1:0",
        "--to",
        &service,
        "-o",
        &file,
        "--only",
        "event",
        "--only",
        "fail",
    ])
    .await;
    let client = Client::new(&*recorder.address);
    client.send::<f64>("sum", &[1]).await.expect("a sum");
    client.send::<Value>("fail", "x").await.expect_err("an error");
    client.emit("log", "x").await.expect("emitted");
    client.close().await;
    let ended = recorder.interrupt().await;
    assert_eq!(ended.stdout.lines().count(), 3, "{}", ended.stdout);
    assert!(ended.stderr.contains("5 packets on 1 connection"), "{}", ended.stderr);
}

#[tokio::test]
async fn an_address_that_is_taken_and_a_proxy_to_itself_are_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    let ended = run(&["tap", "--listen", &address, "--to", "127.0.0.1:1"]).await;
    let message = format!("error: cannot listen on {address}: it is taken\nhint: --listen 0 picks a free port\n");
    assert_eq!((ended.status, ended.stderr), (Some(3), message));
    let ended = run(&["tap", "--listen", "127.0.0.1:7", "--to", "127.0.0.1:7"]).await;
    let message = "error: --listen and --to are the same: it would call itself\n".to_owned();
    assert_eq!((ended.status, ended.stderr), (Some(2), message));
}

#[tokio::test]
async fn unix_sockets_are_relayed_and_removed() {
    let folder = folder("unix");
    let socket = path(&folder, "front.sock");
    let service = service(router()).await;
    let tap = Running::start(&["tap", "--listen", &format!("unix:{socket}"), "--to", &service]).await;
    let client = Client::builder()
        .build(nest_wire::client::Target::unix(&socket))
        .expect("a client");
    assert_eq!(client.send::<f64>("sum", &[1, 2]).await.expect("a sum"), 3.0);
    client.close().await;
    let ended = tap.interrupt().await;
    assert_eq!(
        (ended.status, ended.stdout.lines().count()),
        (Some(0), 2),
        "{}",
        ended.stderr
    );
    assert!(!std::path::Path::new(&socket).exists());
}

#[tokio::test]
async fn a_recording_goes_on_when_nobody_reads_what_is_said() {
    let folder = folder("unheard");
    let file = path(&folder, "calls.jsonl");
    let service = service(router()).await;
    let mut recorder = Running::start(&["record", "--listen", "127.0.0.1:0", "--to", &service, "-o", &file]).await;
    drop(recorder.take_stdout());
    let id = recorder.id();
    let address = recorder.address.clone();
    let (client, exit) = (Client::new(&*address), recorder.with_stderr_closed());
    client.send::<f64>("sum", &[1]).await.expect("a sum");
    client.close().await;
    let killed = tokio::process::Command::new("kill").args(["-INT", &id]).status().await;
    assert!(killed.expect("a kill command").success());
    assert_eq!(exit.await, Some(0));
    assert_eq!(bytes(&read(&file), 1, Side::Caller).matches("sum").count(), 1);
}

#[tokio::test]
async fn a_reader_that_reads_nothing_holds_up_neither_the_recording_nor_its_end() {
    let folder = folder("unread");
    let file = path(&folder, "calls.jsonl");
    let service = service(router()).await;
    let mut recorder = Running::start(&["record", "--listen", "127.0.0.1:0", "--to", &service, "-o", &file]).await;
    // Far more than a pipe holds.
    let _unread = recorder.take_stdout();
    let client = Client::new(&*recorder.address);
    let numbers = vec![0.5; 2000];
    for _ in 0..100 {
        client.send::<f64>("sum", &numbers).await.expect("a sum");
    }
    client.close().await;
    let ended = recorder.interrupt().await;
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    let warning = "warning: nobody read the output: ";
    assert!(
        ended.stderr.contains(warning) && ended.stderr.contains(" not shown; the recording has everything\n"),
        "{}",
        ended.stderr
    );
    assert_eq!(bytes(&read(&file), 1, Side::Caller).matches("sum").count(), 100);
    assert_eq!(bytes(&read(&file), 1, Side::Service).matches("response").count(), 100);
}

#[tokio::test]
async fn a_proxy_to_itself_is_known_in_each_spelling() {
    for to in ["localhost:7", "127.0.0.1:7", "[::1]:7", "0.0.0.0:7"] {
        for listen in ["7", ":7", "localhost:7"] {
            let ended = run(&["tap", "--listen", listen, "--to", to]).await;
            let message = "error: --listen and --to are the same: it would call itself\n";
            assert_eq!(ended, Ended::badly(2, message), "{listen} {to}");
        }
    }
}

#[tokio::test]
async fn an_address_that_is_taken_costs_no_recording() {
    let folder = folder("taken");
    let (old, new) = (path(&folder, "old.jsonl"), path(&folder, "new.jsonl"));
    fs::write(&old, "precious").expect("a file");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    for (file, flags) in [(&old, &["--force"][..]), (&new, &[])] {
        let mut args = vec!["record", "--listen", &address, "--to", "127.0.0.1:1", "-o", file];
        args.extend(flags);
        assert_eq!(run(&args).await.status, Some(3));
    }
    assert_eq!(fs::read_to_string(&old).expect("a file"), "precious");
    assert!(!std::path::Path::new(&new).exists());
}
