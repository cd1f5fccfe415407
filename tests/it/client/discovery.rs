//! Clients whose hosts come and go: a resolver returns their addresses.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use futures_util::{FutureExt, StreamExt};
use nest_wire::{
    client::{CallError, Client, ClientBuilder, ConnectionState, DisconnectReason, ReconnectPolicy, Target},
    server::{HostListener, Payload, Router, State, serve},
};
use tokio::{
    sync::watch,
    task::{JoinSet, yield_now},
};

use crate::support::{Log, settle};

/// A service on a real socket, and the number of its calls.
struct Host {
    address: SocketAddr,
    calls: Arc<AtomicUsize>,
    serving: tokio::task::AbortHandle,
}

impl Host {
    /// Starts the host of this number, at 127.0.0.`number`.
    async fn start(number: u8) -> Self {
        let listener = HostListener::bind(format!("127.0.0.{number}:0")).await.expect("a port");
        let address = listener.local_addrs().expect("bound")[0];
        let calls = Arc::<AtomicUsize>::default();
        let echo = async |State(calls): State<Arc<AtomicUsize>>, Payload(number): Payload<u32>| {
            calls.fetch_add(1, SeqCst);
            yield_now().await;
            number
        };
        let hang = async |State(calls): State<Arc<AtomicUsize>>| {
            calls.fetch_add(1, SeqCst);
            std::future::pending::<()>().await;
        };
        let router = Router::new()
            .message("echo", echo)
            .message("hang", hang)
            .with_state(Arc::clone(&calls));
        let serving = tokio::spawn(serve(listener, router).into_future()).abort_handle();
        Self {
            address,
            calls,
            serving,
        }
    }

    fn calls(&self) -> usize {
        self.calls.load(SeqCst)
    }
}

/// What a resolver returns at the time, and how often it was asked.
#[derive(Clone)]
struct Registry {
    known: watch::Sender<Vec<SocketAddr>>,
    asked: watch::Sender<usize>,
}

impl Registry {
    fn of(hosts: &[&Host]) -> Self {
        let registry = Self {
            known: watch::Sender::new(Vec::new()),
            asked: watch::Sender::new(0),
        };
        registry.set(hosts);
        registry
    }

    fn set(&self, hosts: &[&Host]) {
        self.known.send_replace(hosts.iter().map(|host| host.address).collect());
    }

    fn target(&self) -> Target {
        let registry = self.clone();
        Target::discover(move || {
            let addresses = registry.known.borrow().clone();
            registry.asked.send_modify(|asked| *asked += 1);
            async move { Ok(addresses) }
        })
    }

    /// Waits until the resolver was asked `times` more.
    async fn asked(&self, times: usize) {
        let mut asked = self.asked.subscribe();
        let before = *asked.borrow_and_update();
        asked
            .wait_for(|asked| *asked >= before + times)
            .await
            .expect("it is kept");
    }
}

const MS: Duration = Duration::from_millis(1);

/// Returns a client that asks every 20 ms and has a connection.
async fn client_of(target: Target) -> Client {
    let client = frequent().build(target).expect("a client");
    client.connect().await.expect("a host");
    client
}

fn frequent() -> ClientBuilder {
    Client::builder().discover_interval(20 * MS)
}

async fn call(client: &Client) -> Result<u32, CallError> {
    client.send("echo", &7).await
}

/// Makes calls until `is_enough`. Every one succeeds.
async fn call_until(client: &Client, is_enough: impl Fn() -> bool) {
    while !is_enough() {
        assert_eq!(call(client).await.expect("a host is there"), 7);
    }
}

/// Waits until `is_so`, as long as it takes.
async fn wait_until(is_so: impl Fn() -> bool) {
    while !is_so() {
        tokio::time::sleep(MS).await;
    }
}

/// Calls made by 64 workers at the same time, until they are stopped.
struct Load {
    workers: JoinSet<Result<usize, CallError>>,
    stop: watch::Sender<bool>,
    made: Arc<AtomicUsize>,
}

impl Load {
    fn on(client: &Client) -> Self {
        let (stop, made) = (watch::Sender::new(false), Arc::<AtomicUsize>::default());
        let mut workers = JoinSet::new();
        for number in 0..64_u32 {
            let (client, stop, made) = (client.clone(), stop.subscribe(), Arc::clone(&made));
            workers.spawn(async move {
                let mut calls = 0;
                while !*stop.borrow() {
                    assert_eq!(client.send::<u32>("echo", &number).await?, number);
                    made.fetch_add(1, SeqCst);
                    calls += 1;
                }
                Ok(calls)
            });
        }
        Self { workers, stop, made }
    }

    fn made(&self) -> usize {
        self.made.load(SeqCst)
    }

    /// Ends the load. Returns the number of calls, of which none has failed.
    async fn end(self) -> usize {
        self.stop.send_replace(true);
        let outcomes = self.workers.join_all().await;
        outcomes.into_iter().map(|calls| calls.expect("no call fails")).sum()
    }
}

#[tokio::test]
async fn a_new_host_gets_its_share_after_the_next_answer() {
    let (one, two) = (Host::start(1).await, Host::start(2).await);
    let registry = Registry::of(&[&one]);
    let client = client_of(registry.target()).await;
    call_until(&client, || one.calls() >= 20).await;
    assert_eq!(two.calls(), 0);
    registry.set(&[&one, &two, &two]);
    registry.asked(2).await;
    call_until(&client, || two.calls() > 0).await;
    let before = (one.calls(), two.calls());
    for _ in 0..400 {
        call(&client).await.expect("both are there");
    }
    let share = two.calls() - before.1;
    assert_eq!(one.calls() - before.0 + share, 400);
    assert!((120..280).contains(&share), "{share} of 400");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn hosts_that_come_and_go_under_load_lose_no_call() {
    let hosts = [
        Host::start(1).await,
        Host::start(2).await,
        Host::start(3).await,
        Host::start(4).await,
    ];
    let [one, two, three, four] = hosts.each_ref();
    let registry = Registry::of(&[one, two]);
    let client = client_of(registry.target()).await;
    let load = Load::on(&client);
    let sets = [[one, three], [three, four], [four, two], [two, one]];
    for set in sets.iter().cycle().take(24) {
        let before = load.made();
        registry.set(set);
        registry.asked(2).await;
        wait_until(|| load.made() >= before + 450).await;
    }
    assert!(load.end().await >= 10_000);
    assert!(hosts.iter().all(|host| host.calls() > 500));
}

#[tokio::test]
async fn a_host_that_is_gone_finishes_its_calls_and_gets_no_more() {
    let (one, two) = (Host::start(1).await, Host::start(2).await);
    let registry = Registry::of(&[&one]);
    let config = frequent().drain_timeout(300 * MS);
    let client = config.build(registry.target()).expect("a client");
    let hanging = client.clone();
    let hanging = tokio::spawn(async move { hanging.send::<()>("hang", &0).await });
    wait_until(|| one.calls() == 1).await;
    registry.set(&[&two]);
    call_until(&client, || two.calls() > 0).await;
    registry.asked(2).await;
    let before = one.calls();
    for _ in 0..100 {
        call(&client).await.expect("the other is there");
    }
    assert_eq!(one.calls(), before);
    // The drain timeout ends what the host does not answer.
    let outcome = hanging.await.expect("no panic");
    assert!(
        matches!(outcome, Err(CallError::ConnectionClosed(DisconnectReason::Closed))),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn hosts_that_cannot_be_reached_do_not_replace_the_one_that_can() {
    let (one, two) = (Host::start(1).await, Host::start(2).await);
    two.serving.abort();
    let registry = Registry::of(&[&one]);
    let client = client_of(registry.target()).await;
    wait_until(|| two.serving.is_finished()).await;
    registry.set(&[&two]);
    registry.asked(3).await;
    for _ in 0..100 {
        call(&client).await.expect("the old host is still there");
    }
    assert!(client.state().is_connected());
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_has_the_resolver_asked_at_once_and_at_most_once_a_second() {
    let host = Host::start(1).await;
    let registry = Registry::of(&[&host]);
    let client = Client::builder()
        .discover_interval(Duration::from_secs(3600))
        .build(registry.target())
        .expect("a client");
    call(&client).await.expect("a host");
    assert_eq!(*registry.asked.borrow(), 1);
    host.serving.abort();
    let start = tokio::time::Instant::now();
    registry.asked(1).await;
    assert!(start.elapsed() <= Duration::from_secs(1), "{:?}", start.elapsed());
    tokio::time::sleep(Duration::from_secs(1000)).await;
    assert_eq!(*registry.asked.borrow(), 2, "attempts that fail are no losses");
}

/// What a hostile resolver does once it has returned one address.
type Misdeed = fn() -> futures_util::future::BoxFuture<'static, io::Result<Vec<SocketAddr>>>;

const MISDEEDS: [Misdeed; 6] = [
    || Box::pin(async { Ok(Vec::new()) }),
    || Box::pin(async { Err(io::ErrorKind::TimedOut.into()) }),
    || Box::pin(std::future::pending()),
    || Box::pin(async { panic!("the resolver is broken") }),
    || panic!("the resolver is broken at once"),
    || {
        // Nothing listens on these.
        let address = |number: u16| SocketAddr::from(([127, 1, (number >> 8) as u8, number as u8], 1));
        Box::pin(std::future::ready(Ok((0..10_000).map(address).collect())))
    },
];

#[tokio::test]
async fn a_resolver_that_does_its_worst_harms_no_call() {
    for misdeed in MISDEEDS {
        let host = Host::start(1).await;
        let (address, asked) = (host.address, watch::Sender::new(0));
        let count = asked.clone();
        let resolve = move || -> futures_util::future::BoxFuture<'static, _> {
            count.send_modify(|count| *count += 1);
            let is_first = *count.borrow() == 1;
            match is_first {
                true => Box::pin(std::future::ready(Ok(vec![address]))),
                false => misdeed(),
            }
        };
        let client = client_of(Target::discover(resolve)).await;
        asked
            .subscribe()
            .wait_for(|count| *count > 1)
            .await
            .expect("it is kept");
        for _ in 0..100 {
            call(&client).await.expect("the host is there");
        }
        client.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn calls_fail_with_the_resolvers_error_while_no_host_is_known() {
    let log = Log::of(tracing::Level::WARN);
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let resolve = move || {
        count.fetch_add(1, SeqCst);
        std::future::ready(Err(io::Error::other("the registry is down")))
    };
    let policy = ReconnectPolicy::always().attempts(3);
    let client = Client::builder()
        .reconnect(policy)
        .build(Target::discover(resolve))
        .expect("a client");
    assert!(matches!(
        client.state(),
        ConnectionState::Disconnected(DisconnectReason::NotYet)
    ));
    let outcome = call(&client).await;
    let Err(CallError::Connect(error)) = outcome else {
        panic!("{outcome:?}")
    };
    assert!(
        format!("{:?}", std::error::Error::source(&error)).contains("the registry is down"),
        "{error:?}"
    );
    assert_eq!(asked.load(SeqCst), 3);
    assert!(matches!(
        client.state(),
        ConnectionState::Disconnected(DisconnectReason::Unreachable(_))
    ));
    tokio::time::sleep(Duration::from_secs(1000)).await;
    let asked = asked.load(SeqCst);
    assert!(
        (100..400).contains(&asked),
        "{asked} questions with pauses of 5 to 10 s"
    );
    let text = log.text();
    assert_eq!(
        text.matches("the resolver has returned no address").count(),
        1,
        "{text}"
    );
}

#[tokio::test]
async fn a_call_waits_for_the_first_address() {
    let host = Host::start(1).await;
    let registry = Registry::of(&[]);
    let policy = ReconnectPolicy::always().attempts(u32::MAX);
    let client = frequent().reconnect(policy).build(registry.target()).expect("a client");
    let mut states = client.states();
    let waiting = client.clone();
    let waiting = tokio::spawn(async move { call(&waiting).await });
    registry.asked(3).await;
    assert!(!waiting.is_finished());
    registry.set(&[&host]);
    assert_eq!(waiting.await.expect("no panic").expect("an answer"), 7);
    while !states.next().await.expect("the client").is_connected() {}
}

#[tokio::test]
async fn closing_ends_a_client_that_knows_no_host() {
    let registry = Registry::of(&[]);
    let policy = ReconnectPolicy::always().attempts(u32::MAX);
    let client = frequent().reconnect(policy).build(registry.target()).expect("a client");
    let waiting = client.clone();
    let waiting = tokio::spawn(async move { call(&waiting).await });
    registry.asked(1).await;
    client.close().await;
    assert!(matches!(waiting.await.expect("no panic"), Err(CallError::Closed)));
    assert!(matches!(call(&client).await, Err(CallError::Closed)));
    assert!(matches!(
        client.state(),
        ConnectionState::Disconnected(DisconnectReason::Closed)
    ));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_client_ends_the_questions() {
    let registry = Registry::of(&[]);
    let client = frequent().build(registry.target()).expect("a client");
    let _ = call(&client).await;
    let mut states = client.states();
    drop(client);
    while states.next().await.is_some() {}
    settle().await;
    let asked = *registry.asked.borrow();
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert_eq!(*registry.asked.borrow(), asked);
}

#[test]
fn another_runtime_goes_on_when_the_one_that_asked_has_ended() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime")
    };
    let services = runtime();
    let (hosts, registry) = services.block_on(async {
        let hosts = [Host::start(1).await, Host::start(2).await];
        let registry = Registry::of(&[&hosts[0]]);
        (hosts, registry)
    });
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = std::thread::spawn(move || services.block_on(async { drop(stopped.await) }));
    let client = frequent().build(registry.target()).expect("a client");
    for _ in 0..3 {
        runtime().block_on(async { call(&client).await.expect("a host") });
    }
    registry.set(&[&hosts[1]]);
    runtime().block_on(call_until(&client, || hosts[1].calls() > 10));
    stop.send(()).expect("it serves");
    serving.join().expect("no panic");
}

#[tokio::test]
async fn all_addresses_of_a_name_are_found() {
    let host = Host::start(1).await;
    let target = Target::discover_dns(format!("localhost:{}", host.address.port()));
    let client = client_of(target).await;
    call_until(&client, || host.calls() > 10).await;
    let error = Client::builder()
        .build(Target::discover_dns("localhost"))
        .expect_err("no port");
    assert_eq!(error.to_string(), r#""localhost" is not an address"#);
}

#[tokio::test]
async fn several_connections_lead_to_different_addresses() {
    let mut listeners = Vec::new();
    for number in 1..=4 {
        let address = SocketAddr::from(([127, 0, 0, number], 0));
        listeners.push(tokio::net::TcpListener::bind(address).await.expect("a port"));
    }
    let addresses = listeners.iter().map(|listener| listener.local_addr().expect("bound"));
    let addresses: Vec<_> = addresses.collect();
    // The order changes with each answer, as that of DNS servers does.
    let resolve = move || {
        let mut addresses = addresses.clone();
        fastrand::shuffle(&mut addresses);
        std::future::ready(Ok(addresses))
    };
    let client = Client::builder()
        .connections(4)
        .build(Target::resolver(resolve))
        .expect("a client");
    client.connect().await.expect("a connection");
    let mut kept = Vec::new();
    for listener in &listeners {
        kept.push(listener.accept().await.expect("one connection for each"));
    }
    for listener in &listeners {
        assert!(listener.accept().now_or_never().is_none(), "one is enough");
    }
}
