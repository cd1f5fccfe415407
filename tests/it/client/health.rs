//! Clients of several hosts, one of which is unhealthy: it hangs, fails at once, or does not read.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use nest_wire::{
    client::{CallError, Client, ClientBuilder, Target},
    packet::RpcError,
    server::{Router, State, serve_connection},
};
use tokio::{
    io::{DuplexStream, duplex},
    time::{sleep, timeout},
};

use crate::support::settle;

/// A service in memory, its behaviour and the number of its calls.
#[derive(Clone, Default)]
struct Host {
    behaviour: Arc<AtomicU8>,
    calls: Arc<AtomicUsize>,
}

const ANSWERS: u8 = 0;
const FAILS: u8 = 1;
const HANGS: u8 = 2;

impl Host {
    fn connect(&self) -> io::Result<DuplexStream> {
        let who = async |State(host): State<Self>| {
            host.calls.fetch_add(1, SeqCst);
            match host.behaviour.load(SeqCst) {
                ANSWERS => Ok(1),
                FAILS => Err(RpcError::new("no disk")),
                _ => std::future::pending().await,
            }
        };
        let router = Router::new().message("who", who).with_state(self.clone());
        let (ours, theirs) = duplex(64 * 1024);
        tokio::spawn(serve_connection(theirs, router).into_future());
        Ok(ours)
    }

    fn behave(&self, behaviour: u8) {
        self.behaviour.store(behaviour, SeqCst);
    }

    fn calls(&self) -> usize {
        self.calls.swap(0, SeqCst)
    }
}

async fn client_of(hosts: &[Host], config: ClientBuilder) -> Client {
    let connector = |host: Host| move || std::future::ready(host.connect());
    let client = config
        .build(Target::connectors(hosts.iter().cloned().map(connector)))
        .expect("a client");
    client.connect().await.expect("a link");
    settle().await;
    client
}

/// Makes this number of calls, one after the other, with a pause after each. Returns the number of
/// failures.
async fn failures(client: &Client, calls: usize, pause: Duration) -> usize {
    let mut failures = 0;
    for _ in 0..calls {
        failures += usize::from(client.send::<u32>("who", &1).await.is_err());
        sleep(pause).await;
    }
    failures
}

const MS: Duration = Duration::from_millis(1);

#[tokio::test(start_paused = true)]
async fn a_host_that_fails_at_once_gets_next_to_no_calls_where_failing_counts() {
    let hosts = [(); 3].map(|()| Host::default());
    let config = Client::builder().counts_as_failure(|error| error.message().as_deref() == Some("no disk"));
    let client = client_of(&hosts, config).await;
    hosts[1].behave(FAILS);
    let failed = failures(&client, 3000, MS).await;
    assert!(failed <= 60, "{failed} of 3,000 calls failed");
    assert_eq!(hosts[1].calls(), failed);
    assert!(
        [&hosts[0], &hosts[2]]
            .map(Host::calls)
            .iter()
            .all(|calls| *calls > 1000)
    );

    hosts[1].behave(ANSWERS);
    sleep(Duration::from_secs(120)).await;
    assert_eq!(failures(&client, 300, MS).await, 0);
    assert!(hosts[1].calls() > 40, "it is well again");
}

#[tokio::test(start_paused = true)]
async fn errors_are_answers_unless_they_are_said_to_count() {
    let hosts = [(); 3].map(|()| Host::default());
    let client = client_of(&hosts, Client::builder()).await;
    hosts[1].behave(FAILS);
    let failed = failures(&client, 300, MS).await;
    assert!(
        (40..180).contains(&failed),
        "{failed} of 300 went to the one of three that fails"
    );
}

#[tokio::test(start_paused = true)]
async fn a_host_that_hangs_gets_next_to_no_calls_and_all_its_share_once_it_answers() {
    for connections in [1, 3] {
        let hosts = [(); 2].map(|()| Host::default());
        let config = Client::builder()
            .timeout(Duration::from_secs(1))
            .connections(connections);
        let client = client_of(&hosts, config).await;
        hosts[0].behave(HANGS);
        let failed = failures(&client, 1000, 10 * MS).await;
        assert!((3..=12).contains(&failed), "{failed} of 1,000 calls timed out");

        hosts[0].behave(ANSWERS);
        sleep(Duration::from_secs(75)).await;
        hosts[0].calls();
        assert_eq!(failures(&client, 300, MS).await, 0);
        assert!(hosts[0].calls() > 40, "it is well again");
    }
}

#[tokio::test(start_paused = true)]
async fn of_several_links_to_one_host_one_that_hangs_is_passed_over() {
    // The second connection leads to a process that hangs.
    let hosts = [(); 2].map(|()| Host::default());
    hosts[1].behave(HANGS);
    let (those, next) = (hosts.clone(), Arc::new(AtomicUsize::new(0)));
    let connect = move || std::future::ready(those[next.fetch_add(1, SeqCst) % 2].connect());
    let config = Client::builder().timeout(Duration::from_secs(1)).connections(2);
    let client = config.build(Target::connector(connect)).expect("a client");
    client.connect().await.expect("a link");
    settle().await;
    let failed = failures(&client, 1000, 10 * MS).await;
    assert!((3..=12).contains(&failed), "{failed} of 1,000 calls timed out");
}

#[tokio::test(start_paused = true)]
async fn when_all_hosts_hang_calls_are_made_all_the_same_and_any_may_come_back() {
    let hosts = [(); 2].map(|()| Host::default());
    let client = client_of(&hosts, Client::builder().timeout(Duration::from_secs(1))).await;
    hosts.iter().for_each(|host| host.behave(HANGS));
    assert_eq!(failures(&client, 20, MS).await, 20);
    assert_eq!(hosts.each_ref().map(Host::calls).iter().sum::<usize>(), 20);
    hosts[0].behave(ANSWERS);
    sleep(Duration::from_secs(75)).await;
    let failed = failures(&client, 300, MS).await;
    assert!(failed <= 5, "{failed}");
}

#[tokio::test(start_paused = true)]
async fn a_probe_whose_caller_gives_up_does_not_leave_the_host_out_for_ever() {
    let hosts = [(); 2].map(|()| Host::default());
    let client = client_of(&hosts, Client::builder().timeout(Duration::from_secs(1))).await;
    hosts[0].behave(HANGS);
    failures(&client, 20, MS).await;
    sleep(Duration::from_secs(75)).await;
    hosts[0].calls();
    // The next call is the probe.
    let given_up = timeout(MS, client.send::<u32>("who", &1)).await;
    assert!(given_up.is_err() && hosts[0].calls() == 1, "{given_up:?}");
    hosts[0].behave(ANSWERS);
    assert_eq!(failures(&client, 300, MS).await, 0);
    assert!(hosts[0].calls() > 40, "it is well again");
}

#[tokio::test(start_paused = true)]
async fn events_count_as_load_and_do_not_probe() {
    let hosts = [(); 2].map(|()| Host::default());
    let kept = Arc::new(std::sync::Mutex::new(Vec::new()));
    let held = Arc::clone(&kept);
    let connectors = [0, 1].map(|index| {
        let (host, held) = (hosts[index].clone(), Arc::clone(&held));
        move || {
            std::future::ready(match index {
                // The other end of this connection is never read.
                0 => {
                    let (ours, theirs) = duplex(64);
                    held.lock().expect("no panic").push(theirs);
                    Ok(ours)
                }
                _ => host.connect(),
            })
        }
    });
    let client = Client::builder()
        .timeout(Duration::from_secs(1))
        .build(Target::connectors(connectors))
        .expect("a client");
    client.connect().await.expect("a link");
    settle().await;
    let mut emitted = Vec::new();
    for _ in 0..40 {
        let client = client.clone();
        let text = "x".repeat(10_000);
        emitted.push(tokio::spawn(async move { client.emit("log", &text).await }));
        settle().await;
    }
    let mut late = 0;
    for emitted in emitted {
        let outcome = emitted.await.expect("no panic");
        late += usize::from(matches!(outcome, Err(CallError::Timeout(_))));
    }
    assert!(late <= 1, "{late} of 40 events went to the host that takes none");
}
