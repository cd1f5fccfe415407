//! The end of a proxy: calls in flight are answered, and connections end at their first quiet moment.
#![cfg(unix)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use futures_util::{StreamExt, future::join_all, stream};
use nest_wire::{
    client::{CallError, Client},
    recording::{Recording, Side},
    server::{ReplyStream, Router},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    process::Command,
    sync::{Notify, mpsc},
    task::yield_now,
    time::sleep,
};

use crate::{
    command::{nest_wire, service},
    running::{Running, folder, path},
};

/// Each proxy, with a FILE that it may write.
const PROXIES: [&str; 6] = [
    "tap --to SERVICE",
    "record --to SERVICE -o FILE",
    "record --to SERVICE -o FILE --quiet",
    "record --to SERVICE -o FILE --quiet --mask /data/secret",
    "shadow --primary SERVICE --candidate SERVICE",
    "bridge --to SERVICE --record FILE",
];

/// A service whose handlers wait.
struct Slow {
    address: String,
    asked: mpsc::UnboundedReceiver<()>,
    go_on: Arc<Notify>,
}

impl Slow {
    async fn start() -> Self {
        let (sender, asked) = mpsc::unbounded_channel();
        let go_on = Arc::new(Notify::new());
        let waiting = Arc::clone(&go_on);
        let wait = move || {
            let (waiting, sender) = (Arc::clone(&waiting), sender.clone());
            async move {
                let notified = waiting.notified();
                let _ = sender.send(());
                notified.await;
            }
        };
        let values = wait.clone();
        let router = Router::new()
            .message("slow", async move || {
                wait().await;
                "done"
            })
            .message("values", async move || {
                let last = stream::once(values()).map(|()| 2);
                ReplyStream::new(stream::iter([1]).chain(last))
            });
        Self {
            address: service(router).await,
            asked,
            go_on,
        }
    }

    async fn proxy(&self, command: &str, file: &str) -> Running {
        let words = command.split_whitespace().map(|word| match word {
            "SERVICE" => self.address.clone(),
            "FILE" => file.to_owned(),
            word => word.to_owned(),
        });
        let listen = ["--listen", "127.0.0.1:0"].map(str::to_owned);
        Running::of(nest_wire(words.chain(listen))).await
    }
}

async fn interrupt(proxy: &Running) {
    let killed = Command::new("kill").args(["-INT", &proxy.id()]).status().await;
    assert!(killed.expect("a kill command").success());
    // From now on nobody connects: the signal has come.
    while TcpStream::connect(&proxy.address).await.is_ok() {
        yield_now().await;
    }
}

#[tokio::test]
async fn calls_in_flight_are_answered_and_recorded() {
    let folder = folder("drain");
    for (number, command) in PROXIES.into_iter().enumerate() {
        let file = path(&folder, &format!("{number}.jsonl"));
        let mut slow = Slow::start().await;
        let proxy = slow.proxy(&format!("{command} --drain 1m"), &file).await;
        // A connection on which nothing is in flight does not hold up the end.
        let mut idle = TcpStream::connect(&proxy.address).await.expect("connected");
        let (client, streaming) = (Client::new(&*proxy.address), Client::new(&*proxy.address));
        let call = tokio::spawn(async move { client.send::<String>("slow", &0).await });
        let mut values = streaming.send_stream::<u32>("values", &0).await.expect("sent");
        assert_eq!(values.next().await.expect("a value").expect("a number"), 1);
        // A shadow asks its candidate too.
        for _ in 0..if command.starts_with("shadow") { 4 } else { 2 } {
            slow.asked.recv().await.expect("asked");
        }
        interrupt(&proxy).await;
        assert_eq!(idle.read(&mut [0]).await.expect("an end"), 0, "{command}");
        drop(idle);
        slow.go_on.notify_waiters();
        assert_eq!(call.await.expect("no panic").expect("an answer"), "done", "{command}");
        assert_eq!(values.next().await.expect("a value").expect("a number"), 2, "{command}");
        assert!(values.next().await.is_none(), "{command}");
        let ended = proxy.ended().await;
        assert_eq!(ended.status, Some(0), "{command}: {}", ended.stderr);
        assert!(!ended.stderr.contains("cut"), "{command}: {}", ended.stderr);
        if command.contains("FILE") {
            let recording = Recording::read(&std::fs::read_to_string(&file).expect("a file")).expect("a recording");
            let events = recording.events.iter().filter(|event| event.from == Side::Service);
            let replies: String = events.map(|event| format!("{:?}", event.content)).collect();
            assert!(replies.contains("done"), "{command}: {replies}");
        }
    }
}

#[tokio::test]
async fn a_call_that_nobody_answers_ends_with_the_time_or_with_a_second_signal() {
    let folder = folder("drain-cut");
    for (number, command) in PROXIES
        .into_iter()
        .enumerate()
        .filter(|(_, command)| !command.starts_with("bridge"))
    {
        for drain in [None, Some("0"), Some("10ms")] {
            let file = path(&folder, &format!("{number}-{}.jsonl", drain.unwrap_or("default")));
            let mut slow = Slow::start().await;
            let options = drain.map_or("--drain 1h".to_owned(), |drain| format!("--drain {drain}"));
            let proxy = slow.proxy(&format!("{command} {options}"), &file).await;
            let client = Client::builder()
                .timeout(Duration::from_secs(600))
                .build(&*proxy.address);
            let client = client.expect("an address");
            let call = tokio::spawn(async move { client.send::<String>("slow", &0).await });
            slow.asked.recv().await.expect("asked");
            interrupt(&proxy).await;
            let ended = match drain {
                None => proxy.interrupt().await,
                Some(_) => proxy.ended().await,
            };
            let cut = call.await.expect("no panic").expect_err("nobody answers");
            assert!(
                matches!(cut, CallError::ConnectionClosed(_)),
                "{command} {options}: {cut}"
            );
            // A thread that is far behind does not know for certain.
            let warning = "warning: 1 connection cut";
            assert!(ended.stderr.contains(warning), "{command} {options}: {}", ended.stderr);
            assert!(
                command.starts_with("shadow") || ended.status == Some(0),
                "{command}: {}",
                ended.stderr
            );
        }
    }
}

#[tokio::test]
async fn what_the_service_has_received_is_answered_though_its_callers_never_pause() {
    let folder = folder("drain-load");
    // A shadow would ask the service again.
    let commands = PROXIES
        .into_iter()
        .filter(|command| !command.starts_with("shadow") && !command.starts_with("bridge"));
    join_all(commands.enumerate().map(async |(number, command)| {
        let file = path(&folder, &format!("{number}.jsonl"));
        let (received, answered) = (Arc::new(AtomicU64::new(0)), AtomicU64::new(0));
        let counted = Arc::clone(&received);
        let count = async move || {
            counted.fetch_add(1, Relaxed);
            sleep(Duration::from_millis(1)).await;
        };
        let slow = Slow {
            address: service(Router::new().message("count", count)).await,
            ..Slow::start().await
        };
        let proxy = slow.proxy(&format!("{command} --drain 10s"), &file).await;
        let client = Client::new(&*proxy.address);
        let callers = (0..4).map(async |_| {
            while client.send::<()>("count", &0).await.is_ok() {
                answered.fetch_add(1, Relaxed);
            }
        });
        let interrupted = async {
            while answered.load(Relaxed) < 100 {
                yield_now().await;
            }
            interrupt(&proxy).await;
        };
        tokio::join!(join_all(callers), interrupted);
        let ended = proxy.ended().await;
        assert!(!ended.stderr.contains("cut"), "{command}: {}", ended.stderr);
        assert_eq!(
            received.load(Relaxed),
            answered.load(Relaxed),
            "{command}: {}",
            ended.stderr
        );
    }))
    .await;
}

#[tokio::test]
async fn events_that_cross_the_end_reach_the_service_and_calls_do_not() {
    let (events, mut received) = mpsc::unbounded_channel();
    let calls = events.clone();
    let router = Router::new()
        .event("log", async move || events.send("an event").is_ok())
        .message("sum", async move || calls.send("a call").is_ok());
    let slow = Slow {
        address: service(router).await,
        ..Slow::start().await
    };
    let proxy = slow.proxy("tap --to SERVICE --drain 10m", "").await;
    let mut caller = TcpStream::connect(&proxy.address).await.expect("connected");
    interrupt(&proxy).await;
    assert_eq!(caller.read(&mut [0]).await.expect("an end"), 0);
    let late = r#"35#{"pattern":"sum","data":1,"id":"a"}26#{"pattern":"log","data":1}"#;
    caller.write_all(late.as_bytes()).await.expect("written");
    drop(caller);
    let ended = proxy.ended().await;
    assert!(ended.stderr.contains("1 packet on "), "{}", ended.stderr);
    assert_eq!(received.recv().await, Some("an event"));
    assert!(received.try_recv().is_err());
}

#[tokio::test]
async fn what_cannot_be_read_is_not_taken_for_quiet() {
    let folder = folder("drain-unreadable");
    let strict = "record -q --to SERVICE -o FILE --mask /data/secret --mask-strict";
    for (number, command) in PROXIES[..5].iter().chain([&strict]).enumerate() {
        let file = path(&folder, &format!("{number}.jsonl"));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let slow = Slow {
            address: listener.local_addr().expect("bound").to_string(),
            ..Slow::start().await
        };
        let proxy = slow.proxy(&format!("{command} --drain 1h"), &file).await;
        let mut caller = TcpStream::connect(&proxy.address).await.expect("connected");
        caller.write_all(b"\x16\x03\x01\x00\x02hi").await.expect("written");
        // The look for an absent service connects too.
        let mut others = Vec::new();
        let mut service = loop {
            let (mut service, _) = listener.accept().await.expect("a connection");
            match service.read(&mut [0; 7]).await {
                Ok(7) => break service,
                _ => others.push(service),
            }
        };
        let mut idle = TcpStream::connect(&proxy.address).await.expect("connected");
        interrupt(&proxy).await;
        // The proxy has looked at its connections once it has ended this one.
        assert_eq!(idle.read(&mut [0]).await.expect("an end"), 0, "{command}");
        service.write_all(b"answer").await.expect("written");
        let mut answer = [0; 6];
        caller.read_exact(&mut answer).await.expect("an answer");
        assert_eq!(&answer, b"answer", "{command}");
        let ended = proxy.interrupt().await;
        let warning = "warning: 1 connection cut, perhaps with calls in flight\n";
        assert!(ended.stderr.contains(warning), "{command}: {}", ended.stderr);
    }
}
