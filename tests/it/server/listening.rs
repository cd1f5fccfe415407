//! The service on real sockets: accepting, shutting down, and misbehaving peers.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use nest_wire::{
    connection::{Keepalive, TcpOptions},
    server::{Context, HostListener, Router, ShutdownOutcome, State, serve},
};
use socket2::SockRef;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Notify, oneshot},
    task::JoinHandle,
    time::{Instant, timeout},
};

const PING: &[u8] = br#"34#{"pattern":"ping","data":0,"id":1}"#;
const PONG: &[u8] = br#"44#{"response":"pong","isDisposed":true,"id":1}"#;
const SLOW: &[u8] = br#"34#{"pattern":"slow","data":0,"id":1}"#;
const SLOWED: &[u8] = br#"44#{"response":"slow","isDisposed":true,"id":1}"#;

/// A running service. `slow` waits to be released.
struct Service {
    address: SocketAddr,
    started: Arc<AtomicU32>,
    release: Arc<Notify>,
    stop: oneshot::Sender<()>,
    running: JoinHandle<ShutdownOutcome>,
}

impl Service {
    async fn start(drain_timeout: Duration) -> Self {
        let (started, release) = (Arc::new(AtomicU32::new(0)), Arc::new(Notify::new()));
        let (stop, stopped) = oneshot::channel();
        let listener = HostListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addrs().expect("bound")[0];
        let router = Router::new()
            .message("ping", async || "pong")
            .message("whereabouts", async |context: Context| {
                context.peer.map(|peer| peer.to_string())
            })
            .message(
                "slow",
                async |State((started, release)): State<(Arc<AtomicU32>, Arc<Notify>)>| {
                    started.fetch_add(1, SeqCst);
                    release.notified().await;
                    "slow"
                },
            )
            .with_state((Arc::clone(&started), Arc::clone(&release)));
        let serving = serve(listener, router)
            .drain_timeout(drain_timeout)
            .with_graceful_shutdown(async { stopped.await.expect("told") });
        let running = tokio::spawn(async { serving.await });
        Self {
            address,
            started,
            release,
            stop,
            running,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("it listens")
    }

    /// Opens a connection with a `slow` in flight.
    async fn connect_slowly(&self) -> TcpStream {
        let mut link = self.connect().await;
        let before = self.started.load(SeqCst);
        link.write_all(SLOW).await.expect("open");
        while self.started.load(SeqCst) == before {
            tokio::task::yield_now().await;
        }
        link
    }
}

async fn exchange(link: &mut TcpStream, request: &[u8], reply: &[u8]) {
    link.write_all(request).await.expect("open");
    expect(link, reply).await;
}

async fn expect(link: &mut TcpStream, reply: &[u8]) {
    let mut received = vec![0; reply.len()];
    link.read_exact(&mut received).await.expect("a reply");
    assert_eq!(String::from_utf8_lossy(&received), String::from_utf8_lossy(reply));
}

/// Returns the bytes until the end, which may be a reset.
async fn rest(link: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    match link.read_to_end(&mut rest).await {
        Err(error) if error.kind() != io::ErrorKind::ConnectionReset => panic!("{error}"),
        _ => rest,
    }
}

const LONG: Duration = Duration::from_secs(600);

#[tokio::test]
async fn a_shutdown_lets_finish_what_is_in_flight_and_closes_what_is_idle() {
    let service = Service::start(LONG).await;
    let (mut idle, mut busy) = (service.connect().await, service.connect_slowly().await);
    exchange(&mut idle, PING, PONG).await;
    service.stop.send(()).expect("it runs");
    assert!(rest(&mut idle).await.is_empty());
    drop(idle);
    let refused = TcpStream::connect(service.address).await;
    assert_eq!(
        refused.expect_err("nobody listens").kind(),
        io::ErrorKind::ConnectionRefused
    );
    assert!(!service.running.is_finished());
    service.release.notify_one();
    expect(&mut busy, SLOWED).await;
    assert!(rest(&mut busy).await.is_empty());
    drop(busy);
    service.running.await.expect("it has ended");
}

#[tokio::test]
async fn requests_that_come_during_a_shutdown_are_answered_while_something_is_in_flight() {
    let service = Service::start(LONG).await;
    let (mut idle, mut busy) = (service.connect().await, service.connect_slowly().await);
    service.stop.send(()).expect("it runs");
    assert!(rest(&mut idle).await.is_empty());
    for _ in 0..3 {
        exchange(&mut busy, PING, PONG).await;
    }
    service.release.notify_one();
    assert_eq!(rest(&mut busy).await, SLOWED);
    drop((idle, busy));
    service.running.await.expect("it has ended");
}

#[tokio::test]
async fn a_peer_that_does_not_close_holds_up_a_shutdown_for_a_second_only() {
    let service = Service::start(LONG).await;
    let mut idle = service.connect().await;
    exchange(&mut idle, PING, PONG).await;
    let start = Instant::now();
    service.stop.send(()).expect("it runs");
    service.running.await.expect("it has ended");
    assert!(start.elapsed() < Duration::from_secs(10));
    assert!(rest(&mut idle).await.is_empty());
}

#[tokio::test]
async fn what_takes_longer_than_the_drain_timeout_is_cut_off() {
    let service = Service::start(Duration::from_millis(20)).await;
    let mut busy = service.connect_slowly().await;
    service.stop.send(()).expect("it runs");
    service.running.await.expect("it has ended");
    assert!(rest(&mut busy).await.is_empty());
}

#[tokio::test]
async fn bad_peers_harm_no_other() {
    let service = Service::start(LONG).await;
    let mut good = service.connect().await;
    let mut waiting = service.connect_slowly().await;
    let mut kept = Vec::new();
    for round in 0..50 {
        let mut bad = service.connect().await;
        match round % 5 {
            0 => bad.write_all(b"x#{}").await.expect("open"),
            1 => bad.write_all(b"99999999#{").await.expect("open"),
            2 => bad.set_zero_linger().expect("open"),
            3 => bad.write_all(&PING.repeat(2000)).await.expect("open"),
            _ => bad.shutdown().await.expect("open"),
        }
        if round % 5 != 2 {
            kept.push(bad);
        }
        exchange(&mut good, PING, PONG).await;
    }
    service.release.notify_one();
    expect(&mut waiting, SLOWED).await;
}

#[tokio::test]
async fn a_handler_may_ask_where_its_caller_is() {
    let service = Service::start(LONG).await;
    let mut link = service.connect().await;
    let here = link.local_addr().expect("connected");
    let reply = format!(r#"{{"response":"{here}","isDisposed":true,"id":1}}"#);
    let reply = format!("{}#{reply}", reply.len());
    let request = br#"41#{"pattern":"whereabouts","data":0,"id":1}"#;
    exchange(&mut link, request, reply.as_bytes()).await;
}

#[tokio::test]
async fn a_name_is_listened_on_at_all_its_addresses_on_one_port() {
    let addresses = [
        "127.0.0.1:0".parse().expect("an address"),
        "127.0.0.2:0".parse().expect("an address"),
        // The address is given twice, as in some hosts files.
        "127.0.0.1:0".parse::<SocketAddr>().expect("an address"),
    ];
    let listener = HostListener::bind(&addresses[..]).await.expect("a free port");
    let bound = listener.local_addrs().expect("bound");
    assert_eq!(bound.len(), 2);
    assert_eq!(bound[0].port(), bound[1].port());

    let listener = HostListener::bind("localhost:0").await.expect("a free port");
    let bound = listener.local_addrs().expect("bound");
    let port = bound[0].port();
    assert!(port != 0 && bound.iter().all(|address| address.port() == port));
    let serving = tokio::spawn(async { serve(listener, Router::new().message("ping", async || "pong")).await });
    for address in bound {
        let mut link = TcpStream::connect(address).await.expect("it listens");
        exchange(&mut link, PING, PONG).await;
    }
    serving.abort();
}

#[tokio::test]
async fn a_port_that_is_taken_is_an_error() {
    let taken = HostListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = taken.local_addrs().expect("bound")[0];
    let error = HostListener::bind(address).await.expect_err("it is taken");
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    assert!(error.to_string().contains(&address.to_string()), "{error}");
    let nobody = HostListener::bind("192.0.2.1:0")
        .await
        .expect_err("not of this machine");
    assert_eq!(nobody.kind(), io::ErrorKind::AddrNotAvailable);
    assert!(nobody.to_string().contains("192.0.2.1"), "{nobody}");
}

#[tokio::test]
async fn accepted_connections_have_the_options_they_were_to_have() {
    let keepalive = Keepalive::after(Duration::from_secs(77))
        .interval(Duration::from_secs(7))
        .retries(3);
    let bound = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = bound.local_addr().expect("bound");
    let mut plain = HostListener::from(bound);
    let _caller = TcpStream::connect(address).await.expect("it listens");
    let (stream, _) = plain.accept().await;
    assert!(stream.nodelay().expect("an option"));
    assert!(!SockRef::from(&stream).keepalive().expect("an option"));

    let mut probing = plain.tcp(TcpOptions::default().keepalive(keepalive));
    let _caller = TcpStream::connect(address).await.expect("it listens");
    let (stream, _) = probing.accept().await;
    let socket = SockRef::from(&stream);
    assert!(stream.nodelay().expect("an option") && socket.keepalive().expect("an option"));
    assert_eq!(socket.tcp_keepalive_time().expect("an option"), Duration::from_secs(77));
    #[cfg(target_os = "linux")]
    assert_eq!(
        socket.tcp_user_timeout().expect("an option"),
        Some(Duration::from_secs(77 + 3 * 7)),
        "unacknowledged data lives no longer than an idle connection"
    );
}

#[tokio::test]
async fn a_plain_socket_of_tokios_is_listened_on_too() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let whereabouts = async |context: Context| context.peer.map(|peer| peer.to_string());
    let serving = serve(listener, Router::new().message("whereabouts", whereabouts));
    let running = tokio::spawn(serving.into_future());
    let mut caller = TcpStream::connect(address).await.expect("it listens");
    let own = caller.local_addr().expect("connected").to_string();
    let request = br#"41#{"pattern":"whereabouts","data":0,"id":1}"#;
    caller.write_all(request).await.expect("it reads");
    let text = format!(r#"{{"response":"{own}","isDisposed":true,"id":1}}"#);
    let expected = format!("{}#{text}", text.len());
    let mut heard = vec![0; expected.len()];
    caller.read_exact(&mut heard).await.expect("an answer");
    assert_eq!(String::from_utf8_lossy(&heard), expected);
    running.abort();
}

#[tokio::test]
async fn a_service_that_is_dropped_drops_its_connections() {
    let service = Service::start(LONG).await;
    let mut busy = service.connect_slowly().await;
    service.running.abort();
    let left = timeout(LONG, rest(&mut busy)).await.expect("an end");
    assert!(left.is_empty());
}
