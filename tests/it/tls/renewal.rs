//! Certificates that are renewed while a service and its callers run.
#![cfg(feature = "tls")]

use nest_wire::{
    client::Client,
    server::{HostListener, Router, ShutdownOutcome, extract::Extension, listen::TlsListener, serve},
    tls::{ClientTls, Identity, PeerCertificates, PinnedCertificates, ServerTls, rustls},
};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use tokio::task::JoinHandle;

use crate::support::kinds::Kind;

struct Service {
    address: String,
    running: JoinHandle<ShutdownOutcome>,
}

impl Service {
    /// Starts a service that replies with the certificate of the caller.
    async fn start(tls: ServerTls) -> Self {
        let listener = HostListener::bind("127.0.0.1:0").await.expect("a free port");
        let listener = TlsListener::new(listener, tls);
        let address = listener.inner().local_addrs().expect("bound")[0].to_string();
        let router = Router::new()
            .message("ping", async || "pong")
            .message("certificate", async |Extension(caller): Extension<PeerCertificates>| {
                caller.own().to_vec()
            });
        let running = tokio::spawn(serve(listener, router).into_future());
        Self { address, running }
    }

    fn client(&self, tls: &ClientTls) -> Client {
        Client::builder()
            .tls(tls.clone())
            .build(&*self.address)
            .expect("a name")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.running.abort();
    }
}

fn identity(kind: &Kind) -> Identity {
    Identity::from_pem(&kind.certificate, &kind.key).expect(kind.name)
}

fn pinned(kinds: &[&Kind]) -> PinnedCertificates {
    let pem: String = kinds.iter().map(|kind| kind.certificate.as_str()).collect();
    PinnedCertificates::from_pem(pem).expect("PEM")
}

/// Returns two certificates of the same kind.
fn old_and_new() -> (Kind, Kind) {
    let newest = || {
        Kind::all()
            .into_iter()
            .find(|kind| kind.name == "names")
            .expect("it is there")
    };
    (newest(), newest())
}

async fn ping(client: &Client) -> Result<String, nest_wire::client::CallError> {
    client.send("ping", &0).await
}

#[tokio::test]
async fn a_service_shows_its_renewed_certificate_and_open_connections_go_on() {
    let (old, new) = old_and_new();
    let identity_of_service = identity(&old);
    let service = Service::start(ServerTls::new(identity_of_service.clone())).await;
    let (trusting_old, trusting_new) = (
        ClientTls::trusting_pinned(pinned(&[&old])),
        ClientTls::trusting_pinned(pinned(&[&new])),
    );
    let open = service.client(&trusting_old);
    ping(&open).await.expect("an answer");
    ping(&service.client(&trusting_new)).await.expect_err("not renewed yet");

    identity_of_service.renew(&identity(&new));
    ping(&open).await.expect("the open connection goes on");
    ping(&service.client(&trusting_new)).await.expect("the new certificate");
    // This configuration has an earlier session, which would not present a certificate.
    ping(&service.client(&trusting_old))
        .await
        .expect_err("the old certificate is gone");
}

#[tokio::test]
async fn a_caller_shows_its_renewed_certificate_and_open_connections_go_on() {
    let (old, new) = old_and_new();
    let other = Kind::version_1();
    let tls = ServerTls::new(identity(&other)).require_pinned_client_certificates(pinned(&[&old, &new]));
    let service = Service::start(tls).await;
    let identity_of_caller = identity(&old);
    let caller = ClientTls::trusting_pinned(pinned(&[&other])).identity(identity_of_caller.clone());
    let shown = async |client: &Client| client.send::<Vec<u8>>("certificate", &0).await.expect("an answer");
    let der = |kind: &Kind| {
        CertificateDer::from_pem_slice(kind.certificate.as_bytes())
            .expect("PEM")
            .to_vec()
    };
    let open = service.client(&caller);
    assert_eq!(shown(&open).await, der(&old));
    assert_eq!(shown(&service.client(&caller)).await, der(&old));

    identity_of_caller.renew(&identity(&new));
    assert_eq!(shown(&open).await, der(&old));
    assert_eq!(shown(&service.client(&caller)).await, der(&new));
}
