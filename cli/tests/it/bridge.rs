//! `nest-wire bridge` as a process.
#![cfg(unix)]

use std::{
    collections::BTreeSet,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use futures_util::{StreamExt, TryStreamExt, stream};
use nest_wire::{
    client::{CallError, Client},
    packet::RpcError,
    server::{HostListener, Payload, ReplyStream, Router, serve},
};
use nest_wire_harness::{App, Harness, NatsServer};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

use crate::{
    command::{run, service},
    running::{Running, folder, path},
};

/// A service that counts its calls.
fn counting(calls: &Arc<AtomicU64>) -> Router {
    let calls = Arc::clone(calls);
    Router::new().message("sum", async move |Payload(numbers): Payload<Vec<f64>>| {
        calls.fetch_add(1, Relaxed);
        numbers.iter().sum::<f64>()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_one_nest_client_spread_over_three_services() {
    let counts: [Arc<AtomicU64>; 3] = Default::default();
    let mut args = vec!["bridge".to_owned(), "--listen".to_owned(), "127.0.0.1:0".to_owned()];
    for (count, host) in counts.iter().zip(["127.0.0.1:0", "127.0.0.2:0", "127.0.0.3:0"]) {
        let listener = HostListener::bind(host).await.expect("a free port");
        args.extend(["--to".to_owned(), listener.local_addrs().expect("bound")[0].to_string()]);
        tokio::spawn(serve(listener, counting(count)).into_future());
    }
    let bridge = Running::start(&args.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let harness = Harness::find().expect("a checkout");
    harness.install(&[12], |_| {}).await.expect("Nest is installed");
    let (host, port) = bridge.address.rsplit_once(':').expect("a port");
    let mut client = harness.node(App::BenchClient, 12);
    let mut client = client
        .args(["--host", host, "--port", port])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("node runs");
    let mut stdin = client.stdin.take().expect("a pipe");
    stdin.write_all(b"10000\n").await.expect("it reads");
    let mut lines = BufReader::new(client.stdout.take().expect("a pipe")).lines();
    assert_eq!(lines.next_line().await.expect("text").as_deref(), Some("done 10000"));
    let counts = counts.map(|count| count.load(Relaxed));
    assert_eq!(counts.iter().sum::<u64>(), 10_000);
    assert!(counts.iter().all(|count| (2_800..=3_900).contains(count)), "{counts:?}");
    drop(stdin);
    let ended = bridge.interrupt().await;
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.ends_with("10000 requests, 0 events\n"), "{}", ended.stderr);
}

#[tokio::test]
async fn streams_errors_and_events_pass() {
    let (sender, mut events) = tokio::sync::mpsc::unbounded_channel();
    let router = Router::new()
        .message("count", async |Payload(end): Payload<u32>| {
            ReplyStream::new(stream::iter(0..end))
        })
        .message("fails", async || Err::<(), _>(RpcError::new("no")))
        .event("note", async move |Payload(text): Payload<String>| {
            let _ = sender.send(text);
        });
    let to = service(router).await;
    let bridge = Running::start(&["bridge", "--listen", "127.0.0.1:0", "--to", &to]).await;
    let client = Client::new(bridge.address.clone());
    let values = client.send_stream::<u32>("count", &1_000).await.expect("it is sent");
    let values: Vec<u32> = values.try_collect().await.expect("values");
    assert_eq!(values, (0..1_000).collect::<Vec<_>>());
    let error = client.send::<()>("fails", &0).await.expect_err("an error");
    assert_eq!(error.as_rpc(), Some(&RpcError::new("no")));
    let error = client.send::<()>("nobody", &0).await.expect_err("no handler");
    assert!(error.is_no_handler(), "{error}");
    client.emit("note", "hello").await.expect("it is sent");
    assert_eq!(events.recv().await.as_deref(), Some("hello"));
}

#[tokio::test]
async fn what_is_in_flight_is_answered_before_it_ends() {
    let (entered, mut entries) = tokio::sync::mpsc::unbounded_channel();
    let may_end = Arc::new(tokio::sync::Notify::new());
    let slow = {
        let may_end = Arc::clone(&may_end);
        async move || {
            let _ = entered.send(());
            may_end.notified().await;
            "done"
        }
    };
    let to = service(Router::new().message("slow", slow)).await;
    let bridge = Running::start(&["bridge", "--listen", "127.0.0.1:0", "--to", &to]).await;
    let client = Client::new(bridge.address.clone());
    let call = tokio::spawn(async move { client.send::<String>("slow", &0).await });
    entries.recv().await.expect("it is handled");
    let address = bridge.address.clone();
    let ending = tokio::spawn(bridge.interrupt());
    // It has begun to end once it accepts nobody.
    while tokio::net::TcpStream::connect(&address).await.is_ok() {}
    may_end.notify_one();
    assert_eq!(call.await.expect("no panic").expect("an answer"), "done");
    assert_eq!(ending.await.expect("no panic").status, Some(0));
}

#[tokio::test]
async fn a_service_that_is_lost_costs_only_the_calls_that_it_had() {
    let router = || Router::new().message("echo", async |Payload(number): Payload<u32>| number);
    let lost = HostListener::bind("127.0.0.1:0").await.expect("a free port");
    let lost_address = lost.local_addrs().expect("bound")[0].to_string();
    let lost = tokio::spawn(serve(lost, router()).into_future());
    let kept = service(router()).await;
    let args = [
        "bridge",
        "--listen",
        "127.0.0.1:0",
        "--to",
        &lost_address,
        "--to",
        &kept,
    ];
    let bridge = Running::start(&args).await;
    let client = Client::new(bridge.address.clone());
    for number in 0..100 {
        assert_eq!(client.send::<u32>("echo", &number).await.expect("an answer"), number);
    }
    lost.abort();
    let _ = lost.await;
    let calls = stream::iter(0..1_000_u32).map(|number| {
        let client = client.clone();
        async move { client.send::<u32>("echo", &number).await }
    });
    let outcomes: Vec<_> = calls.buffer_unordered(16).collect().await;
    let failed = outcomes.iter().filter(|outcome| outcome.is_err()).count();
    // What was on its way to the lost one: no more than were in flight.
    assert!(failed <= 16, "{failed}");
}

#[tokio::test]
async fn faults_are_those_that_were_asked_for() {
    let to = service(Router::new().message("echo", async |Payload(number): Payload<u32>| number)).await;
    let bridge = |fail: &'static str| {
        let to = to.clone();
        async move {
            let args = [
                "bridge",
                "--listen",
                "127.0.0.1:0",
                "--to",
                &to,
                "--fail",
                fail,
                "--seed",
                "7",
            ];
            Running::start(&args).await
        }
    };
    let failing = async |bridge: &Running| {
        let client = Client::new(bridge.address.clone());
        let mut failing = BTreeSet::new();
        for number in 0..100_u32 {
            match client.send::<u32>("echo", &number).await {
                Ok(answer) => assert_eq!(answer, number),
                Err(error) => {
                    assert_eq!(error.as_rpc(), Some(&RpcError::new("failed on purpose")));
                    failing.insert(number);
                }
            }
        }
        failing
    };
    let (one, other) = (bridge("20%").await, bridge("0.2").await);
    let calls = failing(&one).await;
    assert!((5..40).contains(&calls.len()), "{calls:?}");
    assert_eq!(calls, failing(&other).await, "a seed chooses the same calls");
    let ended = one.interrupt().await;
    let summary = format!("100 requests, 0 events, {} failed on purpose\n", calls.len());
    assert!(ended.stderr.ends_with(&summary), "{}", ended.stderr);

    let closing = bridge("1:close").await;
    let client = Client::new(closing.address.clone());
    let error = client.send::<u32>("echo", &1).await.expect_err("closed");
    assert!(matches!(error, CallError::ConnectionClosed(_)), "{error}");
    let hanging = bridge("1:hang").await;
    let client = Client::new(hanging.address.clone()).with_timeout(Duration::from_millis(50));
    assert!(client.send::<u32>("echo", &1).await.expect_err("silence").is_timeout());
}

#[tokio::test]
async fn metrics_are_served_for_prometheus() {
    let to = service(Router::new().message("ping", async || "pong")).await;
    let args = [
        "bridge",
        "--listen",
        "127.0.0.1:0",
        "--to",
        &to,
        "--metrics",
        "127.0.0.1:0",
    ];
    let mut bridge = Running::start(&args).await;
    let page = bridge.line_with("metrics http://").await;
    let address = page.trim_start_matches("metrics http://").trim_end_matches("/metrics");
    let client = Client::new(bridge.address.clone());
    client.send::<String>("ping", &0).await.expect("an answer");
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("it listens");
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut text = String::new();
    stream.read_to_string(&mut text).await.expect("text");
    assert!(text.contains("\nnest_wire_"), "{text}");
}

#[tokio::test]
async fn mistakes_are_named() {
    let absent = HostListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = absent.local_addrs().expect("bound")[0].to_string();
    drop(absent);
    for (args, status, message) in [
        (
            vec!["--listen", "8888", "--to", "localhost:8888"],
            2,
            "error: localhost:8888 is both listened to and passed on to: it would call itself\n",
        ),
        (
            vec!["--listen", "0", "--to", "nats://a:4222", "--to", "b:1"],
            2,
            "error: --to nats:// stands alone: NATS itself spreads the calls\n",
        ),
        (
            vec!["--listen", "nats://a:4222", "--to", "b:1"],
            2,
            concat!(
                "error: --listen nats:// needs --subjects\n",
                "hint: a bridge cannot know what the service behind it handles: --subjects users.>,log\n"
            ),
        ),
        (
            vec!["--listen", "0", "--to", "b:1", "--subjects", "a"],
            2,
            "error: --subjects is for --listen nats://\n",
        ),
    ] {
        let ended = run(&[&["bridge"], &args[..]].concat()).await;
        assert_eq!(
            (ended.status, ended.stderr.as_str()),
            (Some(status), message),
            "{args:?}"
        );
    }
    let ended = run(&["bridge", "--listen", "127.0.0.1:0", "--to", &address, "--strict"]).await;
    let message = format!("error: cannot connect to {address}: refused\n");
    assert_eq!((ended.status, ended.stderr), (Some(3), message));
    let taken = HostListener::bind("127.0.0.1:0").await.expect("a free port");
    let taken = taken
        .local_addrs()
        .map(|addresses| (addresses[0].to_string(), taken))
        .expect("bound");
    let ended = run(&["bridge", "--listen", &taken.0, "--to", &address]).await;
    assert_eq!(ended.status, Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("it is taken"), "{}", ended.stderr);
    for wrong in [["--fail", "2"], ["--delay", "soon"], ["--fail", "0.1:late"]] {
        let ended = run(&[&["bridge", "--listen", "0", "--to", "b:1"], &wrong[..]].concat()).await;
        assert_eq!(ended.status, Some(2), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn a_service_that_is_down_at_the_start_gets_calls_once_it_is_there() {
    let listener = HostListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addrs().expect("bound")[0].to_string();
    drop(listener);
    let bridge = Running::start(&["bridge", "--listen", "127.0.0.1:0", "--to", &address]).await;
    let client = Client::new(bridge.address.clone());
    let error = client.send::<String>("ping", &0).await.expect_err("nobody is there");
    let message = error.as_rpc().and_then(RpcError::message).unwrap_or_default();
    assert!(message.starts_with("the request cannot be forwarded: "), "{error}");
    let listener = HostListener::bind(address.as_str()).await.expect("the port is free");
    tokio::spawn(serve(listener, Router::new().message("ping", async || "pong")).into_future());
    // It connects again in its own time.
    while client.send::<String>("ping", &0).await.is_err() {}
}

#[tokio::test]
async fn calls_pass_to_nats_and_from_it() {
    let harness = Harness::find().expect("a checkout");
    let server = NatsServer::start(&harness).await.expect("a NATS server");
    let url = server.url();
    let to = service(
        Router::new()
            .message("double", async |Payload(number): Payload<u32>| 2 * number)
            .message("count", async |Payload(end): Payload<u32>| {
                ReplyStream::new(stream::iter(0..end))
            }),
    )
    .await;
    let inbound = [
        "bridge",
        "--listen",
        &url,
        "--subjects",
        "double,count",
        "--queue",
        "q",
        "--to",
        &to,
    ];
    let inbound = Running::start(&inbound).await;
    assert_eq!(inbound.address, url);
    let outbound = Running::start(&["bridge", "--listen", "127.0.0.1:0", "--to", &url]).await;
    // TCP, the one bridge, NATS, the other bridge, TCP.
    let client = Client::new(outbound.address.clone());
    assert_eq!(client.send::<u32>("double", &21).await.expect("an answer"), 42);
    let values = client.send_stream::<u32>("count", &100).await.expect("it is sent");
    assert_eq!(
        values.try_collect::<Vec<_>>().await.expect("values"),
        (0..100).collect::<Vec<_>>()
    );
    let error = client.send::<()>("nobody", &0).await.expect_err("nobody");
    assert!(error.to_string().contains("nobody subscribes to nobody"), "{error}");
    let error = client.send::<()>("with space", &0).await.expect_err("no subject");
    assert!(error.to_string().contains("cannot be a subject of NATS"), "{error}");
    for bridge in [inbound, outbound] {
        assert_eq!(bridge.interrupt().await.status, Some(0));
    }
}

#[tokio::test]
async fn what_callers_say_is_recorded_masked_and_replays() {
    let folder = folder("bridge-record");
    let file = path(&folder, "calls.jsonl");
    let router = || {
        Router::new()
            .message("sum", async |Payload(numbers): Payload<Vec<f64>>| {
                numbers.iter().sum::<f64>()
            })
            .message("enter", async |Payload(data): Payload<serde_json::Value>| {
                data["user"].clone()
            })
    };
    let (one, two) = (service(router()).await, service(router()).await);
    let listen = ["bridge", "--listen", "127.0.0.1:0", "--to", &one, "--to", &two];
    let recording = ["--record", &file, "--mask", "/data/password"];
    let bridge = Running::start(&[&listen[..], &recording].concat()).await;
    let client = Client::new(bridge.address.clone());
    for number in 1..=20 {
        assert_eq!(
            client.send::<f64>("sum", &[number, 1]).await.expect("a sum"),
            f64::from(number + 1)
        );
    }
    let data = serde_json::json!({"user": "ada", "password": "hunter2"});
    assert_eq!(client.send::<String>("enter", &data).await.expect("an answer"), "ada");
    client.close().await;
    let ended = bridge.interrupt().await;
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("42 packets on 1 connection in "),
        "{}",
        ended.stderr
    );
    let text = std::fs::read_to_string(&file).expect("a recording");
    assert!(!text.contains("hunter2"), "{text}");
    let replayed = run(&["replay", &file, "--to", &one]).await;
    assert_eq!(replayed.status, Some(0), "{}{}", replayed.stdout, replayed.stderr);
    assert!(
        replayed.stdout.contains("21 calls, 21 as recorded"),
        "{}",
        replayed.stdout
    );

    let taken = run(&[&["bridge", "--listen", &one, "--to", &two, "--force"][..], &recording].concat()).await;
    assert_eq!(taken.status, Some(3), "{}", taken.stderr);
    assert_eq!(std::fs::read_to_string(&file).expect("a recording"), text);
}
