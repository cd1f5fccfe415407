//! Discovered hosts that are real processes: one is stopped, one is killed.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use nest_wire::client::{CallError, Client, Target};
use nest_wire_chaos::{
    process::Signal,
    scenarios::{Host, Make},
};
use nest_wire_harness::Harness;
use tokio::sync::watch;

/// Long enough for a host that runs on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(2);

async fn start() -> Host {
    let harness = Harness::find().expect("a checkout");
    let program = env!("CARGO_BIN_EXE_chaos").into();
    Host::start(Make::Ours, program, harness, &[], None)
        .await
        .expect("it starts")
}

/// Returns a client of the addresses that are known at the time. It asks for them often.
fn client_of(known: &watch::Sender<Vec<SocketAddr>>) -> Client {
    let known = known.clone();
    let resolve = move || std::future::ready(Ok(known.borrow().clone()));
    Client::builder()
        .timeout(TIMEOUT)
        .discover_interval(Duration::from_millis(50))
        .build(Target::discover(resolve))
        .expect("a client")
}

async fn echo(client: &Client) -> Result<String, CallError> {
    client.send("echo", "hi").await
}

#[tokio::test]
async fn a_stopped_host_gets_next_to_no_calls() {
    let hosts = [start().await, start().await, start().await];
    let known = watch::Sender::new(hosts.iter().map(Host::address).collect::<Vec<_>>());
    let client = client_of(&known);
    for _ in 0..300 {
        echo(&client).await.expect("all are there");
    }
    hosts[1].signal(Signal::SIGSTOP).expect("it runs");
    let (start, mut late, mut answered) = (Instant::now(), 0, 0);
    while late < 5 {
        match echo(&client).await {
            Ok(_) => answered += 1,
            Err(CallError::Timeout(_)) => late += 1,
            Err(other) => panic!("{other}"),
        }
    }
    // Three in a row eject the host. One probe follows after a second, one after two more, each 20 %
    // more or less.
    let least = 5 * TIMEOUT + Duration::from_millis(800 + 1600);
    assert!(start.elapsed() >= least, "{:?}", start.elapsed());
    assert!(answered > 100, "{answered} calls went to the others");
    hosts[1].signal(Signal::SIGCONT).expect("it runs");
    let mut in_a_row = 0;
    while in_a_row < 100 {
        in_a_row = echo(&client).await.map_or(0, |_| in_a_row + 1);
    }
}

#[tokio::test]
async fn a_host_that_was_killed_is_found_at_its_new_address() {
    let (one, mut two) = (start().await, start().await);
    let known = watch::Sender::new(vec![one.address(), two.address()]);
    let client = client_of(&known);
    for _ in 0..100 {
        echo(&client).await.expect("both are there");
    }
    one.signal(Signal::SIGKILL).expect("it runs");
    // A call is lost with its connection, and a process that ends may accept another one.
    let mut lost = 0;
    for _ in 0..100 {
        lost += usize::from(echo(&client).await.is_err());
    }
    assert!(lost <= 3, "{lost}");
    let three = start().await;
    known.send_replace(vec![two.address(), three.address()]);
    let mut asked = tokio::time::interval(Duration::from_millis(50));
    two.signal(Signal::SIGTERM).expect("it runs");
    two.ended().await.expect("it ends");
    // Only the new host is left.
    while echo(&client).await.is_err() {
        asked.tick().await;
    }
    for _ in 0..100 {
        echo(&client).await.expect("the new host is there");
    }
}
