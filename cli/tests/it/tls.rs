//! `tls://HOST:PORT`: trusted authorities, own certificates, and the faults of both.

use std::{future::IntoFuture, path::PathBuf};

use nest_wire::{
    server::{HostListener, Payload, Router, listen::TlsListener, serve},
    tls::{Authorities, Identity, ServerTls},
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tokio::{net::TcpListener, sync::mpsc};

use crate::command::{Ended, fresh_directory, run, service};
#[cfg(unix)]
use crate::running::Running;

/// An authority, and files of what it has signed.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    directory: PathBuf,
}

impl Authority {
    fn new(test: &str) -> Self {
        let mut parameters = CertificateParams::default();
        // An issuer is looked for by its name.
        parameters.distinguished_name.push(DnType::CommonName, test);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(parameters, key).expect("a certificate");
        let authority = Self {
            issuer,
            directory: fresh_directory(&format!("tls-{test}")),
        };
        authority.write("ca.pem", &authority.issuer.pem());
        authority
    }

    /// Signs a certificate for this name, and writes it and its key to files.
    fn sign(&self, name: &str) -> Identity {
        let parameters = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        let key = KeyPair::generate().expect("a key");
        let certificate = parameters.signed_by(&key, &self.issuer).expect("a certificate");
        self.write(&format!("{name}.pem"), &certificate.pem());
        self.write(&format!("{name}-key.pem"), &key.serialize_pem());
        Identity::from_pem(certificate.pem(), key.serialize_pem()).expect("an identity")
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.directory.join(name), text).expect("a file");
    }

    fn file(&self, name: &str) -> String {
        self.directory.join(name).display().to_string()
    }
}

fn router() -> Router {
    Router::new().message("sum", async |Payload(numbers): Payload<Vec<f64>>| {
        numbers.iter().sum::<f64>()
    })
}

/// Serves with TLS. Returns `localhost:PORT`.
async fn service_with(tls: ServerTls, router: Router) -> String {
    let listener = HostListener::bind("localhost:0").await.expect("a free port");
    let port = listener.local_addrs().expect("bound")[0].port();
    tokio::spawn(serve(TlsListener::new(listener, tls), router).into_future());
    format!("localhost:{port}")
}

async fn send(options: &[&str], address: &str) -> Ended {
    run(&[&["send"], options, &[&format!("tls://{address}"), "sum", "[1,2]"]].concat()).await
}

#[tokio::test]
async fn a_service_is_trusted_by_its_authority() {
    let authority = Authority::new("trusted");
    let address = service_with(ServerTls::new(authority.sign("localhost")), router()).await;
    assert_eq!(
        send(&["--ca", &authority.file("ca.pem")], &address).await,
        Ended::well("3\n")
    );
    let message = format!(
        "error: TLS with {address} failed: no authority that is trusted has signed its certificate\n\
         hint: --ca FILE names the authority, --pin FILE the service's own certificate\n"
    );
    let other = Authority::new("other");
    assert_eq!(
        send(&["--ca", &other.file("ca.pem")], &address).await,
        Ended::badly(3, &message)
    );
}

#[cfg(unix)]
#[tokio::test]
async fn a_bridge_speaks_tls_with_all_addresses_of_a_name() {
    let authority = Authority::new("dns");
    let address = service_with(ServerTls::new(authority.sign("localhost")), router()).await;
    let (to, ca) = (format!("dns:tls://{address}"), authority.file("ca.pem"));
    let bridge = Running::start(&["bridge", "--listen", "127.0.0.1:0", "--to", &to, "--to-ca", &ca]).await;
    let sum = run(&["send", &bridge.address, "sum", "[1,2]"]).await;
    assert_eq!(sum, Ended::well("3\n"));
    assert_eq!(bridge.interrupt().await.status, Some(0));
}

#[tokio::test]
async fn a_certificate_for_another_name_says_for_which() {
    let authority = Authority::new("names");
    let address = service_with(ServerTls::new(authority.sign("example.org")), router()).await;
    let ca = authority.file("ca.pem");
    let message = format!(
        "error: TLS with {address} failed: its certificate is for example.org, not for localhost\n\
         hint: --server-name example.org\n"
    );
    assert_eq!(send(&["--ca", &ca], &address).await, Ended::badly(3, &message));
    let named = send(&["--ca", &ca, "--server-name", "example.org"], &address).await;
    assert_eq!(named, Ended::well("3\n"));
}

#[tokio::test]
async fn a_certificate_can_be_trusted_without_an_authority() {
    let authority = Authority::new("pinned");
    let address = service_with(ServerTls::new(authority.sign("example.org")), router()).await;
    let pinned = send(&["--pin", &authority.file("example.org.pem")], &address).await;
    assert_eq!(pinned, Ended::well("3\n"));
    let other = Authority::new("not-pinned");
    other.sign("example.org");
    let refused = send(&["--pin", &other.file("example.org.pem")], &address).await;
    assert_eq!(refused.status, Some(3), "{refused:?}");
}

#[tokio::test]
async fn whoever_trusts_everybody_is_told_each_time() {
    let authority = Authority::new("insecure");
    let address = service_with(ServerTls::new(authority.sign("example.org")), router()).await;
    let ended = send(&["--insecure"], &address).await;
    let warning = format!("warning: --insecure: nobody has verified that this is tls://{address}\n");
    assert_eq!(
        (ended.status, ended.stdout.as_str(), ended.stderr),
        (Some(0), "3\n", warning)
    );
}

#[tokio::test]
async fn a_caller_shows_its_certificate() {
    let authority = Authority::new("mutual");
    let callers = Authorities::from_pem_file(authority.file("ca.pem")).expect("the authority");
    let tls = ServerTls::new(authority.sign("localhost")).require_client_certificates(callers);
    let address = service_with(tls, router()).await;
    authority.sign("caller");
    let ca = authority.file("ca.pem");
    let (certificate, key) = (authority.file("caller.pem"), authority.file("caller-key.pem"));
    let shown = send(&["--ca", &ca, "--cert", &certificate, "--key", &key], &address).await;
    assert_eq!(shown, Ended::well("3\n"));
    let ended = send(&["--ca", &ca], &address).await;
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(3), ""));
    let start = format!("error: TLS with {address} failed: the peer requires a certificate");
    assert!(ended.stderr.starts_with(&start), "{ended:?}");
    let half = send(&["--cert", &certificate], &address).await;
    assert_eq!(half.status, Some(2), "{half:?}");
}

#[tokio::test]
async fn an_event_arrives_although_the_caller_ends_at_once() {
    let authority = Authority::new("event");
    let (tell, mut told) = mpsc::unbounded_channel();
    let log = async move |Payload(text): Payload<String>| drop(tell.send(text));
    let router = Router::new().event("log", log);
    let address = service_with(ServerTls::new(authority.sign("localhost")), router).await;
    let (ca, address) = (authority.file("ca.pem"), format!("tls://{address}"));
    let ended = run(&["emit", "--ca", &ca, &address, "log", "\"求\""]).await;
    assert_eq!(ended, Ended::well(""));
    assert_eq!(told.recv().await.as_deref(), Some("求"));
}

#[tokio::test]
async fn a_plain_service_does_not_answer_with_tls() {
    let hint = |address: &str| format!("hint: if it speaks plain TCP, write {address}\n");
    // It waits for a header, or takes the first bytes for a broken one and closes.
    let address = service(router()).await;
    let ended = run(&[
        "check",
        "--connect-timeout",
        "300ms",
        "--insecure",
        &format!("tls://{address}"),
    ])
    .await;
    assert_eq!(ended.status, Some(3), "{ended:?}");
    assert!(
        ended.stderr.contains(&format!("error: TLS with {address} failed: it ")),
        "{ended:?}"
    );
    assert!(ended.stderr.ends_with(&hint(&address)), "{ended:?}");
    // One that accepts and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = silent.local_addr().expect("bound").to_string();
    let ended = run(&[
        "check",
        "--connect-timeout",
        "300ms",
        "--insecure",
        &format!("tls://{address}"),
    ])
    .await;
    let message = format!(
        "error: TLS with {address} failed: it does not answer with TLS\n{}",
        hint(&address)
    );
    assert!(ended.stderr.ends_with(&message), "{ended:?}");
    assert_eq!(ended.status, Some(3));
}

#[tokio::test]
async fn plain_tcp_to_a_port_with_tls_is_told_to_write_so() {
    let authority = Authority::new("plain");
    let address = service_with(ServerTls::new(authority.sign("localhost")), router()).await;
    let ended = run(&["send", &address, "sum", "[1,2]"]).await;
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(3), ""));
    assert!(ended.stderr.ends_with(&format!("write tls://{address}\n")), "{ended:?}");
}
