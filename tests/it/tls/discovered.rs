//! TLS with hosts that are discovered, and with connections that are replaced.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use nest_wire::{
    client::{CallError, Client, Target},
    server::{
        HostListener, Router,
        listen::{Incoming, Listener, TlsListener},
        serve,
    },
    tls::{Authorities, ClientTls, ServerTls},
};

use crate::support::Certificates;

/// Counts the connections that were accepted.
struct Counting {
    listener: TlsListener<HostListener>,
    accepted: Arc<AtomicUsize>,
}

impl Listener for Counting {
    type Io = <TlsListener<HostListener> as Listener>::Io;

    async fn accept(&mut self) -> io::Result<Incoming<Self::Io>> {
        let incoming = self.listener.accept().await?;
        self.accepted.fetch_add(1, SeqCst);
        Ok(incoming)
    }
}

/// Starts a service whose certificate is for `localhost` and 127.0.0.1. Returns its address and the
/// number of its connections.
async fn start(certificates: &Certificates) -> (SocketAddr, Arc<AtomicUsize>) {
    let tls = ServerTls::from_pem_files(certificates.path("service"), certificates.path("service-key")).expect("PEM");
    let listener = HostListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addrs().expect("bound")[0];
    let accepted = Arc::<AtomicUsize>::default();
    let listener = Counting {
        listener: TlsListener::new(listener, tls),
        accepted: Arc::clone(&accepted),
    };
    let router = Router::new().message("ping", async || "pong");
    tokio::spawn(serve(listener, router).into_future());
    (address, accepted)
}

fn trusting(certificates: &Certificates) -> ClientTls {
    let authorities = Authorities::from_pem_file(certificates.path("ca")).expect("PEM");
    ClientTls::trusting(authorities)
}

#[tokio::test]
async fn discovered_hosts_are_verified_by_their_name_or_by_their_address() {
    let certificates = Certificates::new("discovered");
    let (address, _) = start(&certificates).await;
    let by_name = Target::discover_dns(format!("localhost:{}", address.port()));
    let by_address = Target::discover(move || std::future::ready(Ok(vec![address])));
    for target in [by_name, by_address] {
        let client = Client::builder()
            .tls(trusting(&certificates))
            .build(target)
            .expect("a client");
        let answer: String = client.send("ping", &0).await.expect("it is trusted");
        assert_eq!(answer, "pong");
    }
    let other = trusting(&certificates).server_name("other.example").expect("a name");
    let target = Target::discover(move || std::future::ready(Ok(vec![address])));
    let client = Client::builder().tls(other).build(target).expect("a client");
    let outcome = client.send::<String>("ping", &0).await;
    assert!(matches!(outcome, Err(CallError::Connect(_))), "{outcome:?}");
}

#[tokio::test]
async fn encrypted_connections_are_replaced_and_lose_no_call() {
    let certificates = Certificates::new("replaced");
    let (address, accepted) = start(&certificates).await;
    let client = Client::builder()
        .tls(trusting(&certificates))
        .max_age(Duration::from_millis(100))
        .build(address)
        .expect("a client");
    while accepted.load(SeqCst) < 5 {
        let answer: String = client.send("ping", &0).await.expect("no call fails");
        assert_eq!(answer, "pong");
    }
}
