//! Our limits and our graceful shutdown, which Nest's services do not have, as Nest's callers see
//! them.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use compat_tests::{Environment, NestClient, PATIENCE, on_each_major};
use nest_wire::server::{HostListener, Limits, Router, ShutdownOutcome, State, serve};
use serde_json::json;
use tokio::{
    io::AsyncWriteExt,
    sync::{Notify, oneshot},
    task::JoinHandle,
};

use crate::{
    edge::{Caller, in_time},
    stopped_time::StoppedTime,
};

on_each_major!(a_request_past_the_limit_fails_with_its_message_in, too_many_requests);
on_each_major!(
    a_request_past_the_limit_of_all_fails_with_its_message_in,
    too_many_requests_in_all
);
on_each_major!(a_call_on_a_connection_past_the_limit_fails_in, too_many_connections);
on_each_major!(a_call_from_an_address_past_its_limit_fails_in, too_many_of_one_address);
on_each_major!(an_idle_connection_is_closed_and_made_anew_by, idle);
on_each_major!(an_old_connection_is_closed_and_made_anew_by, old);
on_each_major!(a_shutdown_answers_what_is_asked_by, shutdown);

/// A service with a handler, `slow`, that reports its start and waits to be released.
struct Service {
    address: SocketAddr,
    begun: Arc<Notify>,
    release: Arc<Notify>,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<ShutdownOutcome>,
}

type Shared = (Arc<Notify>, Arc<Notify>);

impl Service {
    async fn start(limits: Limits) -> Self {
        let (begun, release) = Shared::default();
        let router = Router::new()
            .message("ping", async || "pong")
            .message("slow", async |State((begun, release)): State<Shared>| {
                begun.notify_one();
                release.notified().await;
                "slow"
            })
            .with_state((Arc::clone(&begun), Arc::clone(&release)));
        let listener = HostListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addrs().expect("it is bound")[0];
        let (stop, stopped) = oneshot::channel();
        let serving = serve(listener, router)
            .limits(limits)
            .with_graceful_shutdown(async { stopped.await.expect("told") });
        Self {
            address,
            begun,
            release,
            stop: Some(stop),
            running: tokio::spawn(serving.into_future()),
        }
    }
}

async fn client(major: u8, service: &Service) -> NestClient {
    NestClient::start(Environment::ready().await, major, service.address.port()).await
}

fn send(key: u8, pattern: &str) -> String {
    json!({"op": "send", "key": key, "pattern": pattern, "data": 0}).to_string()
}

async fn hears(client: &mut NestClient, key: u8, what: &str) {
    let line = client.hear().await;
    assert_eq!(line.as_deref(), Some(&*format!(r#"{{"key":{key},{what}}}"#)));
}

async fn is_answered(client: &mut NestClient, key: u8, answer: &str) {
    hears(client, key, &format!(r#""next":"{answer}""#)).await;
    hears(client, key, r#""complete":true"#).await;
}

async fn is_refused(client: &mut NestClient, key: u8, message: &str) {
    let error = json!({"status": "error", "message": message});
    hears(client, key, &format!(r#""error":{error}"#)).await;
}

async fn too_many_requests(major: u8) {
    let service = Service::start(Limits::default().max_in_flight_per_connection(1)).await;
    let mut client = client(major, &service).await;
    client.tell(&[send(1, "slow")]).await;
    in_time(service.begun.notified()).await;
    client.tell(&[send(2, "ping")]).await;
    is_refused(&mut client, 2, "too many requests in flight on this connection").await;
    service.release.notify_one();
    is_answered(&mut client, 1, "slow").await;
    client.tell(&[send(3, "ping")]).await;
    is_answered(&mut client, 3, "pong").await;
    assert_eq!(client.end().await, [""; 0]);
}

async fn too_many_requests_in_all(major: u8) {
    let service = Service::start(Limits::default().max_in_flight(1)).await;
    let mut first = client(major, &service).await;
    first.tell(&[send(1, "slow")]).await;
    in_time(service.begun.notified()).await;
    let mut other = client(major, &service).await;
    other.tell(&[send(2, "ping")]).await;
    is_refused(&mut other, 2, "too many requests in flight").await;
    service.release.notify_one();
    is_answered(&mut first, 1, "slow").await;
    other.tell(&[send(3, "ping")]).await;
    is_answered(&mut other, 3, "pong").await;
    assert_eq!(first.end().await, [""; 0]);
    assert_eq!(other.end().await, [""; 0]);
}

async fn too_many_of_one_address(major: u8) {
    let service = Service::start(Limits::default().max_connections_per_peer(1)).await;
    let mut first = Caller::of(service.address).await;
    first.ping().await;
    let mut client = client(major, &service).await;
    client.tell(&[send(1, "ping")]).await;
    is_refused(&mut client, 1, "too many connections from this address").await;
    first.ping().await;
    assert_eq!(client.end().await, [""; 0]);
}

async fn too_many_connections(major: u8) {
    let service = Service::start(Limits::default().max_connections(1)).await;
    let mut first = Caller::of(service.address).await;
    first.ping().await;
    let mut client = client(major, &service).await;
    client.tell(&[send(1, "ping")]).await;
    is_refused(&mut client, 1, "too many connections").await;
    // The packet is too large to be read before the close, so its caller only sees the end. In 7
    // and 8 it would wait for ever.
    if major >= 9 {
        let mut large = self::client(major, &service).await;
        let text = "x".repeat(100_000);
        large
            .tell(&[json!({"op": "send", "key": 2, "pattern": "ping", "data": text}).to_string()])
            .await;
        hears(&mut large, 2, r#""error":{"message":"Connection closed"}"#).await;
        assert_eq!(large.end().await, [""; 0]);
    }
    first.ping().await;
    first.0.shutdown().await.expect("open");
    assert!(first.hear_the_end().await.is_empty());
    let mut next = self::client(major, &service).await;
    next.tell(&[send(3, "ping")]).await;
    is_answered(&mut next, 3, "pong").await;
    assert_eq!(client.end().await, [""; 0]);
    assert_eq!(next.end().await, [""; 0]);
}

/// Maximum age or idle time of a connection: far longer than the test takes. It elapses when the
/// test says so.
const LIMIT: Duration = Duration::from_secs(24 * 3600);

async fn idle(major: u8) {
    closed_and_made_anew(major, Limits::default().idle_timeout(LIMIT)).await;
}

async fn old(major: u8) {
    closed_and_made_anew(major, Limits::default().max_age(LIMIT)).await;
}

async fn closed_and_made_anew(major: u8, limits: Limits) {
    let service = Service::start(limits.max_connections(1)).await;
    let mut client = client(major, &service).await;
    let time = StoppedTime::start();
    client.tell(&[send(1, "ping")]).await;
    is_answered(&mut client, 1, "pong").await;
    time.advance(LIMIT * 2).await;
    wait_for_the_place(service.address, &time).await;
    client.tell(&[send(2, "ping")]).await;
    is_answered(&mut client, 2, "pong").await;
    assert_eq!(client.end().await, [""; 0]);
}

/// Waits until both sides of the only connection have closed, so that Nest's client has processed
/// the end.
async fn wait_for_the_place(service: SocketAddr, time: &StoppedTime) {
    let start = Instant::now();
    loop {
        let mut prober = Caller::of(service).await;
        prober.say(r#"{"pattern":"ping","data":0,"id":1}"#).await;
        prober.0.shutdown().await.expect("open");
        if String::from_utf8_lossy(&prober.hear_the_end().await).contains("pong") {
            return;
        }
        // The connection closes once it has been quiet for a moment, which has to elapse too.
        time.advance(Duration::from_millis(10)).await;
        // This is real time, since the runtime's time is stopped.
        assert!(start.elapsed() < PATIENCE, "the connection is not closed");
    }
}

async fn shutdown(major: u8) {
    let mut service = Service::start(Limits::default()).await;
    let mut client = client(major, &service).await;
    client.tell(&[send(1, "slow")]).await;
    in_time(service.begun.notified()).await;
    let told = service.stop.take().map(|stop| stop.send(()));
    assert_eq!(told, Some(Ok(())));
    service.release.notify_one();
    is_answered(&mut client, 1, "slow").await;
    let ending = in_time(&mut service.running).await;
    assert_eq!(ending.expect("no panic"), ShutdownOutcome::Drained);
    assert_eq!(client.end().await, [""; 0]);
}
