//! `nest-wire bridge` in front of real Nest, and among callers that behave badly. Needs Node.
#![cfg(unix)]

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::BytesMut;
use futures_util::{StreamExt, TryStreamExt, future::join_all, stream};
use nest_wire::{
    client::Client,
    codec::encode,
    server::{Payload, ReplyStream, Router},
};
use nest_wire_harness::{App, Harness, Service};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{Semaphore, mpsc},
    time::timeout,
};

use crate::{
    command::{run, service},
    running::Running,
};

/// Maximum time for what must come: only a failure takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

async fn nest(harness: &Harness, major: u8) -> Service {
    let mut command = harness.node(App::Conformance, major);
    command.args(["--port", "0", "--host", "127.0.0.1"]);
    Service::start("Nest's conformance service", command)
        .await
        .expect("it starts")
}

async fn bridge_to(services: &[String]) -> Running {
    let mut args = vec!["bridge", "--listen", "127.0.0.1:0"];
    args.extend(services.iter().flat_map(|to| ["--to", to]));
    Running::start(&args).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nest_service_that_is_killed_under_load_costs_only_the_calls_that_it_had() {
    const IN_FLIGHT: usize = 32;
    let harness = Harness::find().expect("a checkout");
    harness.install(&[11, 12], |_| {}).await.expect("Nest is installed");
    let (killed, kept) = tokio::join!(nest(&harness, 11), nest(&harness, 12));
    let bridge = bridge_to(&[killed.address().to_string(), kept.address().to_string()]).await;
    let client = Client::new(bridge.address.clone());
    let answered = Arc::new(AtomicU64::new(0));
    let (half, mut is_half) = mpsc::unbounded_channel();
    let calls = stream::iter(0..4_000_u64).map({
        let (client, answered) = (client.clone(), Arc::clone(&answered));
        move |number| {
            let (client, answered, half) = (client.clone(), Arc::clone(&answered), half.clone());
            async move {
                let outcome = client.send::<u64>("echo", &number).await;
                if answered.fetch_add(1, Relaxed) == 1_000 {
                    let _ = half.send(());
                }
                outcome.map(|answer| assert_eq!(answer, number))
            }
        }
    });
    let load = tokio::spawn(calls.buffer_unordered(IN_FLIGHT).collect::<Vec<_>>());
    is_half.recv().await.expect("a thousand calls");
    killed.kill().await.expect("it ends");
    let outcomes = load.await.expect("no panic");
    let failures: Vec<String> = outcomes
        .iter()
        .filter_map(|outcome| outcome.as_ref().err())
        .map(ToString::to_string)
        .collect();
    println!("{} of {} calls failed", failures.len(), outcomes.len());
    assert!(failures.len() <= IN_FLIGHT, "{failures:#?}");
    assert!(
        failures
            .iter()
            .all(|failure| failure.contains("the request cannot be forwarded")),
        "{failures:#?}"
    );
    assert_eq!(client.send::<String>("ping", &0).await.expect("the other one"), "pong");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_every_caller_has_in_flight_at_a_sigterm_is_answered() {
    const CALLERS: u32 = 20;
    const CALLS: u32 = 25;
    let (entered, mut entries) = mpsc::unbounded_channel();
    let may_end = Arc::new(Semaphore::new(0));
    let wait = {
        let may_end = Arc::clone(&may_end);
        async move |number: u32| {
            let _ = entered.send(());
            drop(may_end.acquire().await);
            number
        }
    };
    let (call, values) = (wait.clone(), wait);
    let router = Router::new()
        .message("wait", async move |Payload(number): Payload<u32>| call(number).await)
        .message("values", async move |Payload(number): Payload<u32>| {
            ReplyStream::new(stream::iter([values(number).await, number, number]))
        });
    let services = [service(router.clone()).await, service(router).await];
    let bridge = bridge_to(&services).await;
    let calls = (0..CALLERS).map(|_| {
        let client = Client::new(bridge.address.clone());
        tokio::spawn(async move {
            let calls = join_all((0..CALLS).map(async |number| client.send::<u32>("wait", &number).await));
            let values = async {
                let values = client.send_stream::<u32>("values", &7).await?;
                values.try_collect::<Vec<_>>().await
            };
            let (calls, values) = tokio::join!(calls, values);
            (calls.into_iter().collect::<Result<Vec<_>, _>>(), values)
        })
    });
    let calls: Vec<_> = calls.collect();
    for _ in 0..CALLERS * (CALLS + 1) {
        entries.recv().await.expect("it is handled");
    }
    terminate(&bridge).await;
    // It has begun to end once it accepts nobody.
    while TcpStream::connect(&bridge.address).await.is_ok() {}
    may_end.close();
    for call in calls {
        let (numbers, values) = call.await.expect("no panic");
        assert_eq!(numbers.expect("answers"), (0..CALLS).collect::<Vec<_>>());
        assert_eq!(values.expect("values"), [7, 7, 7]);
    }
    let ended = bridge.ended().await;
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    assert!(!ended.stderr.contains("could not"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let (entered, mut entries) = mpsc::unbounded_channel();
    let router = Router::new().message("never", async move || {
        let _ = entered.send(());
        std::future::pending::<()>().await;
    });
    let bridge = bridge_to(&[service(router).await]).await;
    let client = Client::new(bridge.address.clone());
    let call = tokio::spawn(async move { client.send::<()>("never", &0).await });
    entries.recv().await.expect("it is handled");
    terminate(&bridge).await;
    while TcpStream::connect(&bridge.address).await.is_ok() {}
    let ended = bridge.interrupt().await;
    assert_eq!(ended.status, Some(130), "{}", ended.stderr);
    assert!(call.await.expect("no panic").is_err());
}

fn long_text() -> String {
    "x".repeat(10_000)
}

fn frame(text: &str) -> BytesMut {
    let mut bytes = BytesMut::new();
    encode(text, &mut bytes);
    bytes
}

async fn terminate(bridge: &Running) {
    let status = tokio::process::Command::new("kill")
        .args(["-TERM", &bridge.id()])
        .status()
        .await;
    assert!(status.expect("a kill command").success());
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_that_behave_badly_harm_nobody_else() {
    let router = Router::new()
        .message("echo", async |Payload(number): Payload<u64>| number)
        .message("endless", async || ReplyStream::new(stream::repeat_with(long_text)))
        .message("long", async || {
            ReplyStream::new(stream::repeat_with(long_text).take(100))
        });
    let bridge = bridge_to(&[service(router).await]).await;
    let client = Client::new(bridge.address.clone());
    assert_eq!(client.send::<u64>("echo", &1).await.expect("an answer"), 1);
    // One that reads nothing of a stream without an end.
    let mut silent = TcpStream::connect(&bridge.address).await.expect("it listens");
    let endless = frame(r#"{"pattern":"endless","data":0,"id":"a"}"#);
    silent.write_all(&endless).await.expect("written");
    // Some that ask and are gone.
    for _ in 0..20 {
        let mut gone = TcpStream::connect(&bridge.address).await.expect("it listens");
        let long = frame(r#"{"pattern":"long","data":0,"id":"a"}"#);
        gone.write_all(&long).await.expect("written");
    }
    // Some that break the protocol.
    for bytes in [
        &b"abc#{}"[..],
        b"99999999999#{",
        b"3#{,}",
        b"-1#{}",
        b"GET / HTTP/1.1\r\n\r\n",
        b"2#[]2#{}4#null1#5",
        b"24#{\"pattern\":1,\"id\":{\"\":1}}",
    ] {
        let mut hostile = TcpStream::connect(&bridge.address).await.expect("it listens");
        hostile.write_all(bytes).await.expect("written");
        let _ = hostile.shutdown().await;
        let closed = timeout(PATIENCE, hostile.read_to_end(&mut Vec::new())).await;
        assert!(closed.is_ok(), "{:?} is not closed", String::from_utf8_lossy(bytes));
    }
    for number in 0..500 {
        let answer = timeout(PATIENCE, client.send::<u64>("echo", &number)).await;
        assert_eq!(answer.expect("in time").expect("an answer"), number);
    }
    drop(silent);
    assert_eq!(client.send::<u64>("echo", &2).await.expect("an answer"), 2);
}

/// A caller that goes away leaves the calls of the others alone, and what it asked for is done.
#[tokio::test]
async fn a_caller_that_goes_away_cancels_nothing_of_others() {
    let (entered, mut entries) = mpsc::unbounded_channel();
    let (ended, mut ends) = mpsc::unbounded_channel();
    let may_end = Arc::new(Semaphore::new(0));
    let router = {
        let may_end = Arc::clone(&may_end);
        Router::new().message("work", async move |Payload(number): Payload<u32>| {
            let _ = entered.send(());
            drop(may_end.acquire().await);
            let _ = ended.send(number);
            number
        })
    };
    let bridge = bridge_to(&[service(router).await]).await;
    let staying = Client::new(bridge.address.clone());
    let call = tokio::spawn(async move { staying.send::<u32>("work", &1).await });
    let mut leaving = TcpStream::connect(&bridge.address).await.expect("it listens");
    let work = frame(r#"{"pattern":"work","data":2,"id":"me"}"#);
    leaving.write_all(&work).await.expect("written");
    for _ in 0..2 {
        entries.recv().await.expect("it is handled");
    }
    drop(leaving);
    may_end.close();
    assert_eq!(call.await.expect("no panic").expect("an answer"), 1);
    let mut done = [ends.recv().await, ends.recv().await];
    done.sort_unstable();
    assert_eq!(done, [Some(1), Some(2)]);
}

#[tokio::test]
async fn unix_sockets_may_stand_on_either_side() {
    let folder = crate::running::folder("bridge-unix");
    let socket = crate::running::path(&folder, "bridge.sock");
    let to = service(Router::new().message("ping", async || "pong")).await;
    let near = Running::start(&["bridge", "--listen", &format!("unix:{socket}"), "--to", &to]).await;
    assert_eq!(near.address, format!("unix:{socket}"));
    let far = Running::start(&["bridge", "--listen", "127.0.0.1:0", "--to", &near.address]).await;
    let client = Client::new(far.address.clone());
    assert_eq!(client.send::<String>("ping", &0).await.expect("an answer"), "pong");
    for bridge in [far, near] {
        assert_eq!(bridge.interrupt().await.status, Some(0));
    }
    assert!(!Path::new(&socket).exists());
}

#[tokio::test]
async fn all_addresses_of_a_name_get_calls() {
    let to = service(Router::new().message("ping", async || "pong")).await;
    let (_, port) = to.rsplit_once(':').expect("a port");
    let name = format!("dns:localhost:{port}");
    let bridge = Running::start(&["bridge", "--listen", "127.0.0.1:0", "--to", &name, "--refresh", "1s"]).await;
    let client = Client::new(bridge.address.clone());
    assert_eq!(client.send::<String>("ping", &0).await.expect("an answer"), "pong");
    assert_eq!(bridge.interrupt().await.status, Some(0));
}

#[tokio::test]
async fn mistakes_with_a_name_are_named() {
    for (args, message) in [
        (
            &["--to", "dns:a.invalid:1", "--to", "b:1"][..],
            "error: --to dns: stands alone: all services are addresses of that name\n",
        ),
        (
            &["--to", "b:1", "--refresh", "1s"],
            "error: --refresh is for --to dns:\n",
        ),
        (
            &["--to", "dns:127.0.0.1:8888"],
            "error: dns:127.0.0.1:8888 is where it listens itself, at localhost:8888: it would call itself\n",
        ),
    ] {
        let ended = run(&[&["bridge", "--listen", "8888"], args].concat()).await;
        assert_eq!((ended.status, ended.stderr.as_str()), (Some(2), message), "{args:?}");
    }
    let strict = [
        "bridge",
        "--listen",
        "0",
        "--to",
        "dns:nothing-has-this-name.invalid:1",
        "--strict",
    ];
    let ended = run(&strict).await;
    assert_eq!(ended.status, Some(3), "{}", ended.stderr);
    let message = "error: cannot look up nothing-has-this-name.invalid: ";
    assert!(ended.stderr.starts_with(message), "{}", ended.stderr);
}
