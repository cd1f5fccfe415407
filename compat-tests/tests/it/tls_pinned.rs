//! Pinned certificates: six kinds that Node accepts if its `ca` is the peer's own certificate, in
//! both roles, with mutual TLS.

use std::{fs, path::PathBuf};

use compat_tests::{Environment, Implementation, ask_client_with};
use nest_wire::{
    client::Client,
    connection::TransportConfig,
    server::{HostListener, listen::TlsListener},
    tls::{ClientTls, Identity, PinnedCertificates, ServerTls},
};
use nest_wire_harness::App;
use serde_json::json;

use crate::{kinds::Kind, service::Served};

/// A certificate and its key in files, for Nest.
struct Files(PathBuf);

impl Files {
    /// Writes the files for the one test `test` of this process.
    fn of(kind: &Kind, test: &str) -> Self {
        let name = kind.name.replace(' ', "-");
        let folder = format!("nest-wire-kinds-{}-{test}-{name}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("certificate.pem"), &kind.certificate).expect("a file");
        fs::write(folder.join("key.pem"), &kind.key).expect("a file");
        Self(folder)
    }

    /// Returns Nest's flags: the certificate is its own and its peer's.
    fn flags(&self) -> Vec<String> {
        let path = |file| self.0.join(file).to_str().expect("UTF-8").to_owned();
        let (certificate, key) = (path("certificate.pem"), path("key.pem"));
        ["--cert", &certificate, "--key", &key, "--ca", &certificate]
            .map(str::to_owned)
            .to_vec()
    }

    fn pinned(&self) -> PinnedCertificates {
        PinnedCertificates::from_pem_file(self.0.join("certificate.pem")).expect("PEM")
    }

    fn identity(&self) -> Identity {
        Identity::from_pem_files(self.0.join("certificate.pem"), self.0.join("key.pem")).expect("PEM")
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn with<'a>(flags: &'a [String], more: &[&'a str]) -> Vec<&'a str> {
    flags.iter().map(String::as_str).chain(more.iter().copied()).collect()
}

#[tokio::test]
async fn our_client_calls_a_nest_with_a_certificate_of_any_kind() {
    for kind in Kind::all() {
        let files = Files::of(&kind, "nest-service");
        let flags = files.flags();
        let service = Environment::ready()
            .await
            .start(App::Conformance, Implementation::Nest(12), &with(&flags, &["--mutual"]))
            .await;
        let tls = ClientTls::trusting_pinned(files.pinned()).identity(files.identity());
        let client = Client::builder()
            .tls(tls)
            .build(service.address().to_string())
            .expect("a name");
        let sum = client.send::<f64>("sum", &[3, 5, 6]).await;
        assert!(matches!(sum, Ok(14.0)), "{}: {sum:?}", kind.name);
    }
}

#[tokio::test]
async fn nests_client_calls_us_with_a_certificate_of_any_kind() {
    let environment = Environment::ready().await;
    for kind in Kind::all() {
        let files = Files::of(&kind, "nest-client");
        let listener = HostListener::bind("localhost:0").await.expect("a free port");
        let port = listener.local_addrs().expect("bound")[0].port().to_string();
        let tls = ServerTls::new(files.identity()).require_pinned_client_certificates(files.pinned());
        let _ours = Served::start(TlsListener::new(listener, tls), TransportConfig::default());
        let flags = files.flags();
        let call = json!({"op": "send", "key": 1, "pattern": "sum", "data": [3, 5, 6]}).to_string();
        let heard = ask_client_with(
            environment,
            12,
            &with(&flags, &["--host", "localhost", "--port", &port]),
            &[call],
        )
        .await;
        let expected = [r#"{"key":1,"next":14}"#, r#"{"key":1,"complete":true}"#];
        assert_eq!(heard["1"], expected, "{}", kind.name);
    }
}

#[tokio::test]
async fn nests_client_is_shown_a_renewed_certificate_without_a_restart() {
    let kinds = Kind::all();
    let [before, after] = [&kinds[0], &kinds[1]].map(|kind| Files::of(kind, "renewed"));
    let listener = HostListener::bind("localhost:0").await.expect("a free port");
    let port = listener.local_addrs().expect("bound")[0].port().to_string();
    let identity = before.identity();
    let tls = ServerTls::new(identity.clone());
    let _ours = Served::start(TlsListener::new(listener, tls), TransportConfig::default());
    let call = json!({"op": "send", "key": 1, "pattern": "sum", "data": [3, 5, 6]}).to_string();
    let heard_by_one_that_trusts = async |files: &Files| {
        let flags = files.flags();
        let flags = with(&flags, &["--host", "localhost", "--port", &port]);
        let mut heard = ask_client_with(Environment::ready().await, 12, &flags, std::slice::from_ref(&call)).await;
        heard.remove("1")
    };
    let sum = [r#"{"key":1,"next":14}"#, r#"{"key":1,"complete":true}"#]
        .map(str::to_owned)
        .to_vec();
    assert_eq!(heard_by_one_that_trusts(&before).await, Some(sum.clone()));
    identity.renew(&after.identity());
    assert_eq!(heard_by_one_that_trusts(&after).await, Some(sum.clone()));
    assert_ne!(heard_by_one_that_trusts(&before).await, Some(sum));
}

#[tokio::test]
async fn our_client_shows_nest_a_renewed_certificate_without_a_restart() {
    let kinds = Kind::all();
    let [own, before, after] = [&kinds[0], &kinds[1], &kinds[3]].map(|kind| Files::of(kind, "renewed-caller"));
    let mut flags = own.flags();
    // The service trusts only the certificate that its caller does not have yet.
    *flags.last_mut().expect("the value of --ca") = after.flags().pop().expect("the value of --ca");
    let service = Environment::ready()
        .await
        .start(App::Conformance, Implementation::Nest(12), &with(&flags, &["--mutual"]))
        .await;
    let identity = before.identity();
    let tls = ClientTls::trusting_pinned(own.pinned()).identity(identity.clone());
    let client = Client::builder()
        .tls(tls)
        .build(service.address().to_string())
        .expect("a name");
    client.send::<f64>("sum", &[1]).await.expect_err("not renewed yet");
    identity.renew(&after.identity());
    let sum = client.send::<f64>("sum", &[3, 5, 6]).await;
    assert!(matches!(sum, Ok(14.0)), "{sum:?}");
}

#[tokio::test]
async fn nests_client_refuses_a_certificate_that_has_expired_though_it_is_its_ca() {
    let files = Files::of(&Kind::expired(), "expired");
    let listener = HostListener::bind("localhost:0").await.expect("a free port");
    let port = listener.local_addrs().expect("bound")[0].port().to_string();
    let tls = ServerTls::new(files.identity());
    let _ours = Served::start(TlsListener::new(listener, tls), TransportConfig::default());
    let flags = files.flags();
    let call = json!({"op": "send", "key": 1, "pattern": "sum", "data": [1]}).to_string();
    let flags = with(&flags, &["--host", "localhost", "--port", &port]);
    let heard = ask_client_with(Environment::ready().await, 12, &flags, &[call]).await;
    assert_eq!(heard["1"], [r#"{"key":1,"error":{"message":"Connection closed"}}"#]);
}
