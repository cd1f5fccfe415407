//! Both sides with TLS, and the peers that they reject.
#![cfg(feature = "tls")]

use std::{error::Error, io, sync::Arc, time::Duration};

use nest_wire::{
    client::{BuildError, CallError, Client, Target},
    server::{
        Context, HostListener, Router,
        extract::Extension,
        listen::{Incoming, Listener, TlsListener},
        serve,
    },
    tls::{Authorities, ClientTls, Identity, PeerCertificates, ServerTls, TlsError, rustls},
};
use rustls::pki_types::pem::PemObject;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, timeout},
};

use crate::support::Certificates;

/// A running service that greets callers. It ends when this value is dropped.
struct Service {
    address: String,
    running: JoinHandle<nest_wire::server::ShutdownOutcome>,
}

impl Service {
    async fn start(tls: impl Into<Arc<rustls::ServerConfig>>) -> Self {
        let listener = HostListener::bind("127.0.0.1:0").await.expect("a free port");
        let listener = TlsListener::new(listener, tls);
        let address = listener.inner().local_addrs().expect("bound")[0].to_string();
        let running = tokio::spawn(serve(listener, router()).into_future());
        Self { address, running }
    }

    fn client(&self, tls: impl Into<ClientTls>) -> Client {
        Client::builder().tls(tls).build(&*self.address).expect("a name")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.running.abort();
    }
}

fn router() -> Router {
    Router::new()
        .message("ping", async || "pong")
        .message(
            "echo",
            async |nest_wire::server::Payload(text): nest_wire::server::Payload<String>| text,
        )
        .message(
            "certificates",
            async |Extension(caller): Extension<PeerCertificates>| {
                let own = caller.own().to_vec();
                vec![own; caller.chain().len()]
            },
        )
}

fn service_tls(certificates: &Certificates) -> ServerTls {
    ServerTls::from_pem_files(certificates.path("service"), certificates.path("service-key")).expect("PEM")
}

fn mutual_tls(certificates: &Certificates) -> ServerTls {
    service_tls(certificates).require_client_certificates(authorities(certificates, "ca"))
}

fn authorities(certificates: &Certificates, name: &str) -> Authorities {
    Authorities::from_pem_file(certificates.path(name)).expect("PEM")
}

fn client_tls(certificates: &Certificates) -> ClientTls {
    ClientTls::from_ca_file(certificates.path("ca")).expect("PEM")
}

fn identity(certificates: &Certificates, name: &str) -> Identity {
    Identity::from_pem_files(certificates.path(name), certificates.path(&format!("{name}-key"))).expect("PEM")
}

async fn ping(client: &Client) {
    assert_eq!(client.send::<String>("ping", &0).await.expect("an answer"), "pong");
}

/// Returns the error and its causes, in one line.
fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |error| (*error).source());
    causes.fold(error.to_string(), |chain, cause| format!("{chain}: {cause}"))
}

#[tokio::test]
async fn calls_go_under_tls_whatever_their_size() {
    let certificates = Certificates::new("calls");
    let service = Service::start(service_tls(&certificates)).await;
    // A busy machine may take more than the default timeout to encrypt this much.
    let client = service.client(client_tls(&certificates)).with_timeout(Duration::MAX);
    ping(&client).await;
    let long = "求和😀".repeat(300_000);
    let echoes = (0..3).map(|_| client.send::<String>("echo", &long));
    for echo in futures_util::future::join_all(echoes).await {
        assert!(echo.expect("an answer") == long);
    }
}

#[tokio::test]
async fn each_of_several_hosts_is_called_under_tls() {
    let certificates = Certificates::new("hosts");
    let service = Service::start(service_tls(&certificates)).await;
    let unused = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let nowhere = unused.local_addr().expect("bound").to_string();
    drop(unused);
    for hosts in [[&service.address, &nowhere], [&nowhere, &service.address]] {
        let client = Client::builder().tls(client_tls(&certificates));
        ping(&client.build(hosts).expect("two addresses")).await;
    }
}

#[test]
fn tls_with_what_has_no_address_is_an_error() {
    let certificates = Certificates::new("no-address");
    let connect = || std::future::ready(io::Result::Ok(duplex(1).0));
    let built = Client::builder()
        .tls(client_tls(&certificates))
        .build(Target::connector(connect));
    assert!(matches!(built, Err(BuildError::TlsWithoutAddress)), "{built:?}");
}

#[tokio::test]
async fn a_service_that_nobody_known_vouches_for_is_not_talked_to() {
    let certificates = Certificates::new("stranger");
    let service = Service::start(service_tls(&certificates)).await;
    let trusting_others = ClientTls::trusting(authorities(&certificates, "strangers-ca"));
    let client = service.client(trusting_others);
    let error = client.send::<String>("ping", &0).await.expect_err("a stranger");
    assert!(matches!(error, CallError::Connect(_)), "{error:?}");
    assert!(error.to_string().starts_with("cannot connect to 127.0.0.1:"), "{error}");
    let expected =
        ": the TLS handshake with 127.0.0.1 failed: the peer's certificate is signed by none of the authorities";
    assert!(chain(&error).contains(expected), "{}", chain(&error));
    // The service goes on.
    ping(&service.client(client_tls(&certificates))).await;
}

#[cfg(all(feature = "tls-native-roots", feature = "tls-webpki-roots"))]
#[tokio::test]
async fn the_world_s_authorities_do_not_vouch_for_a_service_of_ours() {
    let certificates = Certificates::new("world");
    let service = Service::start(service_tls(&certificates)).await;
    // A machine may have no authorities of its own.
    for authorities in [Some(Authorities::webpki()), Authorities::native().ok()]
        .into_iter()
        .flatten()
    {
        let client = service.client(ClientTls::trusting(authorities));
        let error = client.send::<String>("ping", &0).await.expect_err("a stranger");
        assert!(
            chain(&error).contains("signed by none of the authorities"),
            "{}",
            chain(&error)
        );
    }
}

#[tokio::test]
async fn a_certificate_has_to_be_for_the_name_that_is_expected() {
    let certificates = Certificates::new("name");
    let service = Service::start(service_tls(&certificates)).await;
    let tls = client_tls(&certificates);
    let other = tls.clone().server_name("orders.internal").expect("a name");
    let error = service
        .client(other)
        .send::<String>("ping", &0)
        .await
        .expect_err("another");
    assert!(
        chain(&error).contains("is not for \"orders.internal\" but for"),
        "{}",
        chain(&error)
    );
    ping(&service.client(tls.server_name("localhost").expect("a name"))).await;
}

#[tokio::test]
async fn callers_with_a_certificate_are_known_by_it() {
    let certificates = Certificates::new("mutual");
    let service = Service::start(mutual_tls(&certificates)).await;
    let client = service.client(client_tls(&certificates).identity(identity(&certificates, "caller")));
    let pem = std::fs::read(certificates.path("caller")).expect("the file");
    let own = rustls::pki_types::CertificateDer::from_pem_slice(&pem).expect("PEM");
    for _ in 0..2 {
        let shown: Vec<Vec<u8>> = client.send("certificates", &0).await.expect("an answer");
        assert_eq!(shown, [own.to_vec()]);
    }
}

#[tokio::test]
async fn callers_without_a_certificate_are_turned_away_where_one_is_required() {
    let certificates = Certificates::new("turned-away");
    let service = Service::start(mutual_tls(&certificates)).await;
    let stranger = client_tls(&certificates).identity(identity(&certificates, "stranger"));
    for (tls, alert) in [
        (client_tls(&certificates), "CertificateRequired"),
        (stranger, "UnknownCA"),
    ] {
        let error = service
            .client(tls)
            .send::<String>("ping", &0)
            .await
            .expect_err("turned away");
        assert!(chain(&error).contains(alert), "{}", chain(&error));
    }
    ping(&service.client(client_tls(&certificates).identity(identity(&certificates, "caller")))).await;
}

#[tokio::test]
async fn that_a_certificate_is_refused_is_known_when_the_client_connects() {
    let certificates = Certificates::new("refused");
    let service = Service::start(mutual_tls(&certificates)).await;
    let stranger = client_tls(&certificates).identity(identity(&certificates, "stranger"));
    for (tls, alert) in [
        (client_tls(&certificates), "CertificateRequired"),
        (stranger, "UnknownCA"),
    ] {
        let client = service.client(tls);
        for _ in 0..2 {
            let connected = client.connect().await.expect_err("turned away");
            let emitted = client.emit("log", &0).await.expect_err("turned away");
            for error in [connected, emitted] {
                assert!(matches!(error, CallError::Connect(_)) && error.is_unsent(), "{error:?}");
                assert!(chain(&error).contains(alert), "{}", chain(&error));
            }
            assert!(!client.state().is_connected());
        }
    }
}

#[tokio::test]
async fn a_service_that_accepts_a_certificate_in_silence_is_talked_to_all_the_same() {
    let certificates = Certificates::new("in-silence");
    let server: Arc<rustls::ServerConfig> = mutual_tls(&certificates).into();
    let mut server = Arc::unwrap_or_clone(server);
    server.send_tls13_tickets = 0;
    let service = Service::start(server).await;
    let client = service.client(client_tls(&certificates).identity(identity(&certificates, "caller")));
    client.connect().await.expect("accepted");
    ping(&client).await;
}

#[tokio::test]
async fn a_certificate_can_be_asked_for_without_being_required() {
    let certificates = Certificates::new("asked-for");
    let tls = service_tls(&certificates).request_client_certificates(authorities(&certificates, "ca"));
    let service = Service::start(tls).await;
    let nobody = service.client(client_tls(&certificates));
    ping(&nobody).await;
    let error = nobody.send::<Vec<Vec<u8>>>("certificates", &0).await.expect_err("none");
    assert!(matches!(error, CallError::Rpc(_)), "{error:?}");
    let known = service.client(client_tls(&certificates).identity(identity(&certificates, "caller")));
    let shown: Vec<Vec<u8>> = known.send("certificates", &0).await.expect("an answer");
    assert_eq!(shown.len(), 1);
}

#[tokio::test]
async fn those_who_speak_no_tls_harm_nobody() {
    let certificates = Certificates::new("plain");
    let service = Service::start(service_tls(&certificates)).await;
    let client = service.client(client_tls(&certificates));
    ping(&client).await;
    let mut silent = TcpStream::connect(&service.address).await.expect("it listens");
    let mut plain = TcpStream::connect(&service.address).await.expect("it listens");
    plain
        .write_all(br#"34#{"pattern":"ping","data":0,"id":1}"#)
        .await
        .expect("open");
    let mut answer = Vec::new();
    // An alert or a reset may arrive, but no reply.
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.contains(&b'#'), "{answer:?}");
    drop(TcpStream::connect(&service.address).await.expect("it listens"));
    ping(&client).await;
    ping(&service.client(client_tls(&certificates))).await;
    silent.shutdown().await.expect("open");
}

#[tokio::test]
async fn configurations_of_ones_own_are_taken() {
    let certificates = Certificates::new("own");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server: Arc<rustls::ServerConfig> = service_tls(&certificates).into();
    let mut server = Arc::unwrap_or_clone(server);
    server.alpn_protocols = vec![b"nest".to_vec()];
    let service = Service::start(server).await;

    let mut roots = rustls::RootCertStore::empty();
    let pem = std::fs::read(certificates.path("ca")).expect("the file");
    roots
        .add(rustls::pki_types::CertificateDer::from_pem_slice(&pem).expect("PEM"))
        .expect("an authority");
    let client = |protocol: &[u8]| {
        let mut config = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS12])
            .expect("ring knows it")
            .with_root_certificates(roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        service.client(config)
    };
    ping(&client(b"nest")).await;
    let error = client(b"http/1.1")
        .send::<String>("ping", &0)
        .await
        .expect_err("another protocol");
    assert!(chain(&error).contains("NoApplicationProtocol"), "{}", chain(&error));
}

#[test]
fn what_is_wrong_with_files_is_said_before_anybody_connects() {
    let certificates = Certificates::new("files");
    let paths = |certificate, key| (certificates.path(certificate), certificates.path(key));
    let (certificate, key) = paths("caller", "service-key");
    let error = Identity::from_pem_files(certificate, key).expect_err("another's key");
    assert!(matches!(error, TlsError::Certificate(_)), "{error:?}");
    for (certificate, key, wanted) in [
        ("absent", "service-key", "cannot read certificates from"),
        ("service", "absent", "cannot read a private key from"),
        ("service-key", "service-key", "cannot read certificates from"),
        ("service", "service", "cannot read a private key from"),
    ] {
        let (certificate, key) = paths(certificate, key);
        let error = Identity::from_pem_files(certificate, key).expect_err("not there");
        assert!(chain(&error).starts_with(wanted), "{}", chain(&error));
    }
    let error = Authorities::from_pem("").expect_err("nobody");
    assert!(matches!(error, TlsError::Pem { .. }), "{error:?}");
    let error = Client::builder()
        .tls(client_tls(&certificates))
        .build("no name:1")
        .expect_err("no name");
    assert!(
        matches!(error, BuildError::Tls(TlsError::ServerName { .. })),
        "{error:?}"
    );
    let error = Client::builder()
        .tls(client_tls(&certificates))
        .build("math")
        .expect_err("no port");
    assert!(matches!(error, BuildError::Address(_)), "{error:?}");
    let message = r#""math" is not an address: the port is missing: write HOST:PORT"#;
    assert_eq!(chain(&error), message);
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_takes_too_long_names_the_address() {
    let certificates = Certificates::new("handshake-late");
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = silent.local_addr().expect("bound").to_string();
    let config = Client::builder().connect_timeout(Duration::from_secs(5));
    let client = config.tls(client_tls(&certificates)).build(&*address).expect("a name");
    let error = client.connect().await.expect_err("it says nothing");
    assert_eq!(error.to_string(), format!("cannot connect to {address}"));
    assert_eq!(error.source().expect("a cause").to_string(), "no connection within 5s");
    let CallError::Connect(error) = error else {
        panic!("{error:?}")
    };
    assert_eq!(
        (error.address(), error.kind()),
        (Some(&*address), io::ErrorKind::TimedOut)
    );
}

struct InMemory(mpsc::UnboundedReceiver<DuplexStream>);

impl Listener for InMemory {
    type Io = DuplexStream;

    async fn accept(&mut self) -> io::Result<Incoming<DuplexStream>> {
        match self.0.recv().await {
            Some(link) => Ok(Incoming::new(link)),
            None => std::future::pending().await,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_does_not_come_is_waited_for_without_holding_up_others() {
    let certificates = Certificates::new("slow");
    let (arrivals, listener) = mpsc::unbounded_channel();
    let limit = Duration::from_secs(7);
    let listener = TlsListener::new(InMemory(listener), service_tls(&certificates)).handshake_timeout(limit);
    let serving = tokio::spawn(serve(listener, router()).into_future());

    let (ours, mut silent) = duplex(1024);
    arrivals.send(ours).expect("it listens");
    let start = Instant::now();
    let tls = client_tls(&certificates);
    let connect = move || {
        let (tls, (ours, theirs)) = (tls.clone(), duplex(64));
        let arrived = arrivals.send(ours);
        async move {
            arrived.map_err(|_| io::ErrorKind::ConnectionRefused)?;
            tls.connect("localhost", theirs).await
        }
    };
    ping(
        &nest_wire::Client::builder()
            .build(Target::connector(connect))
            .expect("a client"),
    )
    .await;
    assert!(start.elapsed() < limit);

    let ended = timeout(limit * 2, silent.read_to_end(&mut Vec::new())).await;
    assert_eq!(ended.expect("it is cut").expect("cleanly"), 0);
    assert!(
        (limit..limit * 11 / 10).contains(&start.elapsed()),
        "{:?}",
        start.elapsed()
    );
    serving.abort();
}

/// Reads a line before TLS begins, which a load balancer sends: the caller's address.
struct Balanced(mpsc::UnboundedReceiver<DuplexStream>);

impl Listener for Balanced {
    type Io = DuplexStream;

    async fn accept(&mut self) -> io::Result<Incoming<DuplexStream>> {
        let link = self.0.recv().await.expect("the test goes on");
        Ok(Incoming::new(link).with_handshake(async |mut link: DuplexStream| {
            let mut line = String::new();
            while !line.ends_with('\n') {
                line.push(link.read_u8().await?.into());
            }
            let peer = line.trim_end().parse().map_err(|_| io::ErrorKind::InvalidData)?;
            Ok(Incoming::new(link).with_peer(peer))
        }))
    }
}

#[tokio::test(start_paused = true)]
async fn the_peer_that_was_learnt_before_tls_began_is_the_callers() {
    let certificates = Certificates::new("balanced");
    let (arrivals, listener) = mpsc::unbounded_channel();
    let listener = TlsListener::new(Balanced(listener), service_tls(&certificates));
    let router = router().message("who", async |context: Context| {
        context.peer.map(|peer| peer.to_string())
    });
    let serving = tokio::spawn(serve(listener, router).into_future());
    let tls = client_tls(&certificates);
    let connect = move || {
        let (tls, (ours, mut theirs)) = (tls.clone(), duplex(64));
        let arrived = arrivals.send(ours);
        async move {
            arrived.map_err(|_| io::ErrorKind::ConnectionRefused)?;
            theirs.write_all(b"203.0.113.1:7\n").await?;
            tls.connect("localhost", theirs).await
        }
    };
    let client = nest_wire::Client::builder()
        .build(Target::connector(connect))
        .expect("a client");
    let who: String = client.send("who", &0).await.expect("an answer");
    assert_eq!(who, "203.0.113.1:7");
    serving.abort();
}

#[tokio::test(start_paused = true)]
async fn a_client_that_closes_says_so_and_reads_on_until_its_service_has_closed_too() {
    let certificates = Certificates::new("farewell");
    let config: Arc<rustls::ServerConfig> = service_tls(&certificates).into();
    let acceptor = tokio_rustls::TlsAcceptor::from(config);
    let (arrivals, mut links) = mpsc::unbounded_channel();
    let tls = client_tls(&certificates);
    let connect = move || {
        let (tls, (ours, theirs)) = (tls.clone(), duplex(4096));
        let arrived = arrivals.send(ours);
        async move {
            arrived.map_err(|_| io::ErrorKind::ConnectionRefused)?;
            tls.connect("localhost", theirs).await
        }
    };
    let client = nest_wire::Client::builder()
        .build(Target::connector(connect))
        .expect("a client");
    let (closing, closed) = tokio::sync::oneshot::channel();
    let calling = async {
        client.emit("log", &1).await.expect("sent");
        client.close().await;
        closing.send(()).expect("the service goes on");
    };
    let service = async {
        let link = links.recv().await.expect("a link");
        let mut link = acceptor.accept(link).await.expect("a handshake");
        let mut received = String::new();
        // An end without `close_notify` would be an error.
        link.read_to_string(&mut received).await.expect("a clean end");
        assert_eq!(received, r#"26#{"pattern":"log","data":1}"#);
        for _ in 0..1000 {
            link.write_all(br#"44#{"response":1,"isDisposed":true,"id":"late"}"#)
                .await
                .expect("it is read");
        }
        link.shutdown().await.expect("it is read");
        closed.await.expect("it closes now");
    };
    tokio::join!(calling, service);
}
