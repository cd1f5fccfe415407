//! Clients of several hosts, and clients with several connections to one host.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use futures_util::future::join_all;
use nest_wire::client::{CallError, Client, ClientBuilder, ReconnectPolicy, Target};
use tokio::{
    io::{AsyncWriteExt, DuplexStream, duplex},
    sync::watch,
};

use crate::support::{Peer, settle};

/// A host that replies to each request with its own number, as long as it is up.
#[derive(Clone)]
struct Host {
    is_up: watch::Sender<bool>,
    /// Whether it answers requests.
    answers: Arc<AtomicBool>,
    number: u32,
}

impl Host {
    fn new(number: u32) -> Self {
        Self {
            is_up: watch::Sender::new(true),
            answers: Arc::new(AtomicBool::new(true)),
            number,
        }
    }

    fn connect(&self) -> io::Result<DuplexStream> {
        if !*self.is_up.borrow() {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let (ours, theirs) = duplex(64 * 1024);
        let (host, mut is_up) = (self.clone(), self.is_up.subscribe());
        tokio::spawn(async move {
            tokio::select! {
                () = host.serve(Peer::new(theirs)) => {}
                _ = is_up.wait_for(|is_up| !is_up) => {}
            }
        });
        Ok(ours)
    }

    async fn serve(&self, mut peer: Peer) {
        loop {
            let id = peer.hear_request(r#""pattern":"who","data":1"#).await;
            if self.answers.load(SeqCst) {
                let number = self.number;
                peer.say(&format!(r#"{{"response":{number},"isDisposed":true,"id":"{id}"}}"#))
                    .await;
            }
        }
    }
}

fn client_of(hosts: &[Host], config: ClientBuilder) -> Client {
    let connector = |host: Host| move || std::future::ready(host.connect());
    config
        .build(Target::connectors(hosts.iter().cloned().map(connector)))
        .expect("a client")
}

/// Makes this number of calls, one after the other. Returns how many each host answered.
async fn tally(client: &Client, calls: u32) -> [u32; 3] {
    let mut tally = [0; 3];
    for _ in 0..calls {
        tally[client.send::<usize>("who", &1).await.expect("an answer")] += 1;
    }
    tally
}

#[tokio::test(start_paused = true)]
async fn calls_spread_over_all_hosts() {
    let hosts = [0, 1, 2].map(Host::new);
    let client = client_of(&hosts, Client::builder());
    client.connect().await.expect("a link");
    settle().await;
    let tally = tally(&client, 300).await;
    assert!(tally.iter().all(|calls| (40..180).contains(calls)), "{tally:?}");
}

#[tokio::test(start_paused = true)]
async fn the_busier_host_gets_no_more() {
    let hosts = [0, 1].map(Host::new);
    let client = client_of(&hosts, Client::builder());
    client.connect().await.expect("a link");
    settle().await;
    hosts[0].answers.store(false, SeqCst);
    // The first few calls that reach the silent host stay there, and count as its load.
    let quick = client.with_timeout(Duration::from_secs(1));
    let silent = join_all((0..20).map(|_| quick.send::<u32>("who", &1)));
    let outcomes = silent.await;
    let silent = outcomes.iter().filter(|outcome| outcome.is_err()).count();
    assert!((1..=11).contains(&silent), "{silent} of 20 went to the busier of two");
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_lost_gets_no_calls_until_it_is_back() {
    let hosts = [0, 1, 2].map(Host::new);
    let client = client_of(&hosts, Client::builder());
    client.connect().await.expect("a link");
    settle().await;
    hosts[1].is_up.send_replace(false);
    settle().await;
    let without = tally(&client, 100).await;
    assert_eq!(without[1], 0, "{without:?}");
    assert!(without[0] > 0 && without[2] > 0, "{without:?}");
    hosts[1].is_up.send_replace(true);
    tokio::time::sleep(Duration::from_secs(11)).await;
    let again = tally(&client, 300).await;
    assert!(again.iter().all(|calls| *calls > 40), "{again:?}");
}

#[tokio::test(start_paused = true)]
async fn with_no_host_at_all_calls_fail_and_with_any_they_succeed_again() {
    let hosts = [0, 1].map(Host::new);
    for host in &hosts {
        host.is_up.send_replace(false);
    }
    let client = client_of(
        &hosts,
        Client::builder().reconnect(ReconnectPolicy::always().max_delay(Duration::from_secs(1))),
    );
    let outcome = client.send::<u32>("who", &1).await;
    assert!(matches!(outcome, Err(CallError::Connect(_))), "{outcome:?}");
    hosts[1].is_up.send_replace(true);
    assert_eq!(client.send::<u32>("who", &1).await.expect("one is up"), 1);
    client.close().await;
    let outcome = client.send::<u32>("who", &1).await;
    assert!(matches!(outcome, Err(CallError::Closed)), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn one_host_may_have_several_links() {
    let opened = watch::Sender::new(0);
    let count = opened.clone();
    let host = Host::new(0);
    let connect = move || {
        count.send_modify(|count| *count += 1);
        std::future::ready(host.connect())
    };
    let client = Client::builder()
        .connections(4)
        .build(Target::connector(connect))
        .expect("a client");
    client.connect().await.expect("a link");
    settle().await;
    assert_eq!(*opened.borrow(), 4);
    assert_eq!(tally(&client, 20).await, [20, 0, 0]);
}

#[tokio::test]
async fn a_resolver_is_asked_for_each_link() {
    let services = [
        tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port"),
        tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port"),
    ];
    let [first, second] = [&services[0], &services[1]].map(|service| service.local_addr().expect("an address"));
    let known = watch::Sender::new(vec![first]);
    let asked = known.clone();
    let resolve = move || std::future::ready(Ok(asked.borrow().clone()));
    let client = Client::builder().build(Target::resolver(resolve)).expect("a client");
    client.emit("a", &1).await.expect("sent");
    let (link, _) = services[0].accept().await.expect("the first is known");
    known.send_replace(vec![second]);
    drop(link);
    let mut states = client.states();
    while futures_util::StreamExt::next(&mut states)
        .await
        .expect("the client")
        .is_connected()
    {}
    client.emit("a", &1).await.expect("sent");
    let (mut link, _) = services[1].accept().await.expect("now the second is");
    link.shutdown().await.expect("it is open");
    known.send_replace(Vec::new());
    while futures_util::StreamExt::next(&mut states)
        .await
        .expect("the client")
        .is_connected()
    {}
    let outcome = client.emit("a", &1).await;
    assert!(
        matches!(&outcome, Err(CallError::Connect(error)) if error.kind() == io::ErrorKind::NotFound),
        "{outcome:?}"
    );
}
