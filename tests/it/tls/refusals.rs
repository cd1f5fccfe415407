//! Rejected handshakes: the error says why in words, and what to do about it.
#![cfg(feature = "tls")]

use std::{error::Error, process::Command};

use nest_wire::{
    client::Client,
    server::{HostListener, Router, listen::TlsListener, serve},
    tls::{Authorities, ClientTls, HandshakeError, Identity, ServerTls, rustls},
};

use crate::support::{Certificates, kinds::Kind};

fn service(kind: &Kind) -> ServerTls {
    ServerTls::new(Identity::from_pem(&kind.certificate, &kind.key).expect(kind.name))
}

fn trusting(kind: &Kind) -> ClientTls {
    ClientTls::trusting(Authorities::from_pem(&kind.certificate).expect(kind.name))
}

/// Calls a service once, under the name `localhost` unless another one is expected.
async fn ping(service: ServerTls, caller: ClientTls) -> Result<String, Box<dyn Error>> {
    let listener = HostListener::bind("localhost:0").await.expect("a free port");
    let listener = TlsListener::new(listener, service);
    let port = listener.inner().local_addrs().expect("bound")[0].port();
    let router = Router::new().message("ping", async || "pong");
    let running = tokio::spawn(serve(listener, router).into_future());
    let client = Client::builder().tls(caller).build(format!("localhost:{port}"))?;
    let answer = client.send::<String>("ping", &0).await;
    running.abort();
    Ok(answer?)
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

fn chain(error: &(dyn Error + 'static)) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

const LINE: &str = "openssl req -x509 -newkey rsa:2048 -nodes -days 365 -keyout key.pem -out cert.pem -subj /CN=localhost \
                    -addext basicConstraints=critical,CA:FALSE -addext subjectAltName=DNS:localhost";

#[tokio::test]
async fn a_certificate_that_is_refused_without_a_pin_gets_the_line_that_makes_a_good_one() {
    let all = Kind::all();
    let kind = |name| all.iter().find(|kind| kind.name == name).expect(name);
    let expired = Kind::expired();
    for (shown, words) in [
        (kind("an authority with names"), "is that of an authority (CA:TRUE)"),
        (
            kind("an authority with a common name"),
            "is that of an authority (CA:TRUE)",
        ),
        (
            kind("a common name"),
            "has no subjectAltName, so it is for no name and not for \"localhost\"",
        ),
        (kind("version 1"), "is of X.509 version 1"),
        (&expired, "has expired: it ended on 2001-01-01, and it is 20"),
    ] {
        let error = ping(service(shown), trusting(shown)).await.expect_err(shown.name);
        let chain = chain(&*error);
        assert!(chain.contains(words), "{}: {chain}", shown.name);
        assert!(chain.ends_with(LINE), "{}: {chain}", shown.name);
        assert!(!chain.contains("invalid peer certificate"), "{}: {chain}", shown.name);
    }
}

#[tokio::test]
async fn a_certificate_of_an_unknown_issuer_is_refused_with_what_can_be_done() {
    let certificates = Certificates::new("unknown-issuer");
    let tls = ServerTls::from_pem_files(certificates.path("service"), certificates.path("service-key")).expect("PEM");
    let caller = ClientTls::from_ca_file(certificates.path("strangers-ca")).expect("PEM");
    let error = ping(tls, caller).await.expect_err("a stranger");
    let chain = chain(&*error);
    let words = "the peer's certificate is signed by none of the authorities that are trusted; pin it";
    assert!(chain.contains(words) && chain.ends_with(LINE), "{chain}");
}

#[tokio::test]
async fn a_certificate_that_was_made_anew_under_its_name_is_refused_with_a_guess_at_that() {
    let kinds = || {
        Kind::all()
            .into_iter()
            .find(|kind| kind.name == "names")
            .expect("it is there")
    };
    let (old, new) = (kinds(), kinds());
    let error = ping(service(&new), trusting(&old)).await.expect_err("made anew");
    let chain = chain(&*error);
    assert!(chain.contains("was perhaps made anew under the same name"), "{chain}");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_with_the_names_that_it_is_for() {
    let certificates = Certificates::new("another-name");
    let caller = ClientTls::from_ca_file(certificates.path("ca")).expect("PEM");
    let caller = caller.server_name("orders.internal").expect("a name");
    let tls = ServerTls::from_pem_files(certificates.path("service"), certificates.path("service-key")).expect("PEM");
    let error = ping(tls, caller).await.expect_err("another name");
    let chain = chain(&*error);
    assert!(chain.contains("is not for \"orders.internal\" but for"), "{chain}");
    assert!(chain.contains("localhost"), "{chain}");
    assert!(chain.ends_with("-addext subjectAltName=DNS:orders.internal"), "{chain}");
}

#[tokio::test]
async fn what_rustls_says_stays_at_hand() {
    let expired = Kind::expired();
    let error = ping(service(&expired), trusting(&expired)).await.expect_err("expired");
    // An `io::Error` returns the cause of its payload, not the payload.
    let found = causes(&*error).find_map(|cause| {
        let payload = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        payload.and_then(|payload| payload.downcast_ref::<HandshakeError>())
    });
    let said = found.and_then(HandshakeError::rustls);
    let is_expired = matches!(
        said,
        Some(rustls::Error::InvalidCertificate(
            rustls::CertificateError::ExpiredContext { .. }
        ))
    );
    assert!(is_expired, "{said:?} in {}", chain(&*error));
}

#[tokio::test]
async fn a_caller_whose_certificate_is_refused_is_told_in_words() {
    let certificates = Certificates::new("refused-in-words");
    let pem = |name: &str| (certificates.path(name), certificates.path(&format!("{name}-key")));
    let (certificate, key) = pem("service");
    let service = ServerTls::from_pem_files(certificate, key)
        .expect("PEM")
        .require_client_certificates(Authorities::from_pem_file(certificates.path("ca")).expect("PEM"));
    let nobody = ClientTls::from_ca_file(certificates.path("ca")).expect("PEM");
    let (certificate, key) = pem("stranger");
    let stranger = nobody
        .clone()
        .identity(Identity::from_pem_files(certificate, key).expect("PEM"));
    for (caller, words) in [
        (nobody, "the peer requires a certificate, and was shown none"),
        (stranger, "the peer trusts no authority that has signed our certificate"),
    ] {
        let error = ping(service.clone(), caller).await.expect_err("refused");
        assert!(chain(&*error).contains(words), "{}", chain(&*error));
    }
}

/// Runs the suggested command, which is for a shell with OpenSSL 1.1.1 or newer, if there is one.
#[tokio::test]
async fn the_line_makes_a_certificate_that_is_accepted_without_a_pin() {
    let certificates = Certificates::new("the-line");
    let folder = std::path::PathBuf::from(certificates.path("ca"));
    let folder = folder.parent().expect("a folder");
    let mut words = LINE.split(' ');
    let run = Command::new(words.next().expect("a program"))
        .args(words)
        .current_dir(folder)
        .output();
    let Ok(run) = run else {
        return;
    };
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    let service = ServerTls::from_pem_files(&certificate, key).expect("PEM");
    let answer = ping(service, ClientTls::from_ca_file(certificate).expect("PEM")).await;
    assert_eq!(answer.expect("an answer"), "pong");
}
