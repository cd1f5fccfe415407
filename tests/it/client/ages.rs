//! Connections that are replaced because of their age: make before break.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use futures_util::{StreamExt, stream};
use nest_wire::{
    client::{CallError, Client, ClientBuilder, DisconnectReason, ReconnectPolicy, Target},
    server::{HostListener, Payload, ReplyStream, Router, State, serve, serve_connection},
};
use tokio::{
    io::{DuplexStream, duplex},
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::support::settle;

/// A service in memory: its connections and calls, and whether it can be reached.
#[derive(Clone)]
struct Service {
    opened: Arc<AtomicUsize>,
    attempts: Arc<Mutex<Vec<Instant>>>,
    ended: Arc<AtomicUsize>,
    is_reachable: Arc<AtomicBool>,
    events: Arc<AtomicUsize>,
}

impl Service {
    fn new() -> Self {
        Self {
            opened: Arc::default(),
            attempts: Arc::default(),
            ended: Arc::default(),
            is_reachable: Arc::new(AtomicBool::new(true)),
            events: Arc::default(),
        }
    }

    fn router(&self) -> Router {
        let echo = async |Payload(number): Payload<u32>| {
            tokio::task::yield_now().await;
            number
        };
        let slow = async |Payload(seconds): Payload<u64>| {
            sleep(Duration::from_secs(seconds)).await;
            seconds
        };
        let numbers = async || {
            ReplyStream::new(stream::iter(0..10_u32).then(async |number| {
                sleep(Duration::from_secs(1)).await;
                number
            }))
        };
        let log = async |State(service): State<Self>| {
            service.events.fetch_add(1, SeqCst);
        };
        Router::new()
            .message("echo", echo)
            .message("slow", slow)
            .message("numbers", numbers)
            .event("log", log)
            .with_state(self.clone())
    }

    fn connect(&self) -> io::Result<DuplexStream> {
        self.attempts.lock().expect("no panic").push(Instant::now());
        if !self.is_reachable.load(SeqCst) {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        self.opened.fetch_add(1, SeqCst);
        let (ours, theirs) = duplex(64 * 1024);
        let (serving, ended) = (
            serve_connection(theirs, self.router()).into_future(),
            Arc::clone(&self.ended),
        );
        tokio::spawn(async move {
            let outcome = serving.await;
            ended.fetch_add(1, SeqCst);
            outcome
        });
        Ok(ours)
    }

    fn client(&self, config: ClientBuilder) -> Client {
        let service = self.clone();
        let connect = move || std::future::ready(service.connect());
        config.build(Target::connector(connect)).expect("a client")
    }

    fn opened(&self) -> usize {
        self.opened.load(SeqCst)
    }
}

const AGE: Duration = Duration::from_secs(60);

fn aged() -> ClientBuilder {
    Client::builder().max_age(AGE)
}

async fn echo(client: &Client) -> u32 {
    client.send("echo", &7).await.expect("an answer")
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_replaced_at_its_age_ten_percent_more_or_less_and_closes() {
    let mut ages = Vec::new();
    for _ in 0..20 {
        let service = Service::new();
        let client = service.client(aged());
        assert_eq!(echo(&client).await, 7);
        let start = Instant::now();
        while service.opened() < 2 {
            sleep(Duration::from_millis(100)).await;
        }
        ages.push(start.elapsed());
        settle().await;
        assert_eq!(service.ended.load(SeqCst), 1, "the old connection");
        assert_eq!(echo(&client).await, 7);
        assert_eq!(service.opened(), 2);
    }
    let (least, most) = (ages.iter().min().expect("some"), ages.iter().max().expect("some"));
    assert!(*least >= AGE.mul_f64(0.9) && *most <= AGE.mul_f64(1.11), "{ages:?}");
    assert!(*most - *least > Duration::from_secs(1), "no two are the same: {ages:?}");
}

#[tokio::test(start_paused = true)]
async fn calls_and_streams_in_flight_end_on_the_old_connection() {
    let service = Service::new();
    let client = service.client(aged());
    echo(&client).await;
    sleep(Duration::from_secs(50)).await;
    let slow = client.send::<u64>("slow", &20);
    let values = client.send_stream::<u32>("numbers", &0);
    let values = async { values.await.expect("a stream").collect::<Vec<_>>().await };
    let others = async {
        sleep(Duration::from_secs(17)).await;
        assert_eq!(service.opened(), 2);
        assert_eq!(service.ended.load(SeqCst), 0, "the old connection has calls");
        echo(&client).await
    };
    let (slow, values, _) = tokio::join!(slow, values, others);
    assert_eq!(slow.expect("an answer"), 20);
    assert_eq!(values.into_iter().filter(Result::is_ok).count(), 10);
    settle().await;
    assert_eq!((service.opened(), service.ended.load(SeqCst)), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn the_drain_timeout_ends_what_the_old_connection_still_has() {
    let service = Service::new();
    let client = service.client(aged().drain_timeout(Duration::from_secs(5)).timeout(Duration::MAX));
    echo(&client).await;
    let start = Instant::now();
    let outcome = client.send::<u64>("slow", &1000).await;
    assert!(
        matches!(outcome, Err(CallError::ConnectionClosed(DisconnectReason::Closed))),
        "{outcome:?}"
    );
    assert!(start.elapsed() <= Duration::from_secs(72), "{:?}", start.elapsed());
    assert_eq!(echo(&client).await, 7, "the client goes on");
}

#[tokio::test(start_paused = true)]
async fn the_old_connection_stays_until_a_successor_can_connect() {
    let service = Service::new();
    let client = service.client(aged().reconnect(ReconnectPolicy::always().max_delay(Duration::from_secs(4))));
    echo(&client).await;
    service.is_reachable.store(false, SeqCst);
    for _ in 0..200 {
        sleep(Duration::from_secs(1)).await;
        assert_eq!(echo(&client).await, 7);
        assert!(client.state().is_connected());
    }
    let attempts = service.attempts.lock().expect("no panic").len();
    assert!(
        (30..100).contains(&attempts),
        "{attempts} attempts with pauses of 2 to 4 s"
    );
    assert_eq!((service.opened(), service.ended.load(SeqCst)), (1, 0));
    service.is_reachable.store(true, SeqCst);
    sleep(Duration::from_secs(5)).await;
    assert_eq!(echo(&client).await, 7);
    assert_eq!((service.opened(), service.ended.load(SeqCst)), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn closing_ends_the_old_connection_and_its_successor_too() {
    let service = Service::new();
    let client = service.client(aged());
    echo(&client).await;
    sleep(Duration::from_secs(50)).await;
    let slow = client.clone();
    let slow = tokio::spawn(async move { slow.send::<u64>("slow", &25).await });
    sleep(Duration::from_secs(17)).await;
    assert_eq!(service.opened(), 2);
    client.close().await;
    assert_eq!(slow.await.expect("no panic").expect("closing waits for it"), 25);
    settle().await;
    assert_eq!(service.ended.load(SeqCst), 2);
    sleep(3 * AGE).await;
    assert_eq!(service.opened(), 2, "nothing is replaced any more");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_dropped_replaces_nothing() {
    let service = Service::new();
    let client = service.client(aged());
    echo(&client).await;
    drop(client);
    sleep(3 * AGE).await;
    assert_eq!((service.opened(), service.ended.load(SeqCst)), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_waits_on_an_old_connection_that_is_lost_goes_out_on_its_successor() {
    let service = Service::new();
    let (first, held) = (
        Arc::new(AtomicBool::new(true)),
        Arc::<Mutex<Vec<DuplexStream>>>::default(),
    );
    let (of_first, peers) = (service.clone(), Arc::clone(&held));
    let connect = move || {
        std::future::ready(match first.swap(false, SeqCst) {
            // The other end of the first connection is never read.
            true => {
                let (ours, theirs) = duplex(64);
                peers.lock().expect("no panic").push(theirs);
                Ok(ours)
            }
            false => of_first.connect(),
        })
    };
    let client = aged()
        .timeout(Duration::from_secs(3600))
        .drain_timeout(Duration::from_secs(3600))
        .build(Target::connector(connect))
        .expect("a client");
    client.connect().await.expect("a connection");
    let text = "x".repeat(10_000);
    let mut emitted = JoinSet::new();
    for _ in 0..40 {
        let (client, text) = (client.clone(), text.clone());
        emitted.spawn(async move { client.emit("log", &text).await });
    }
    settle().await;
    sleep(AGE + AGE / 5).await;
    assert_eq!(service.opened(), 1, "the successor");
    assert_eq!(echo(&client).await, 7, "new calls take the successor");
    held.lock().expect("no panic").clear();
    let outcomes = emitted.join_all().await;
    let sent = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert!(sent >= 20, "{sent} of 40 events were not written yet");
    client.close().await;
    settle().await;
    assert_eq!(service.events.load(SeqCst), sent);
}

/// Makes calls and events with 64 workers until there were `calls` of each. None is lost. Returns
/// the number of events.
async fn load(client: &Client, calls: usize) -> usize {
    let mut workers = JoinSet::new();
    let made = Arc::new(AtomicUsize::new(0));
    for number in 0..64_u32 {
        let (client, made) = (client.clone(), Arc::clone(&made));
        workers.spawn(async move {
            let mut events = 0;
            while made.fetch_add(1, SeqCst) < calls {
                assert_eq!(
                    client.send::<u32>("echo", &number).await.expect("no call fails"),
                    number
                );
                client.emit("log", &number).await.expect("no event fails");
                events += 1;
                // Slow enough that connections grow old meanwhile.
                sleep(Duration::from_millis(5)).await;
            }
            events
        });
    }
    workers.join_all().await.into_iter().sum()
}

/// As short as it may be.
fn hasty() -> ClientBuilder {
    Client::builder().max_age(Duration::from_millis(1))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rotation_under_load_loses_no_call_and_no_event() {
    let service = Service::new();
    let client = service.client(hasty().connections(2));
    let events = load(&client, 12_000).await;
    client.close().await;
    assert!(events >= 12_000);
    while service.events.load(SeqCst) < events {
        sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(service.events.load(SeqCst), events);
    assert!(service.opened() >= 6, "{} connections", service.opened());
}

#[tokio::test]
async fn rotation_works_over_tcp_and_unix_sockets() {
    let service = Service::new();
    let listener = HostListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addrs().expect("bound")[0].to_string();
    tokio::spawn(serve(listener, service.router()).into_future());
    let mut targets = vec![Target::from(address)];
    #[cfg(unix)]
    {
        let path = std::env::temp_dir().join(format!("nest-wire-{}-ages.sock", std::process::id()));
        let listener = tokio::net::UnixListener::bind(&path).expect("a free path");
        tokio::spawn(serve(listener, service.router()).into_future());
        targets.push(Target::unix(path));
    }
    let mut expected = 0;
    for target in targets {
        let client = hasty().build(target).expect("a client");
        expected += load(&client, 3000).await;
        client.close().await;
    }
    while service.events.load(SeqCst) < expected {
        sleep(Duration::from_millis(1)).await;
    }
}
