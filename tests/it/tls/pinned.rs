//! Pinned certificates, of services and of callers.
#![cfg(feature = "tls")]

use std::{error::Error, sync::Arc};

use nest_wire::{
    client::{CallError, Client},
    server::{HostListener, Router, listen::TlsListener, serve},
    tls::{ClientTls, Identity, PinnedCertificates, ServerTls, rustls},
};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::{CertifiedKey, SingleCertAndKey},
};

use crate::support::{Certificates, kinds::Kind};

fn identity(kind: &Kind) -> Identity {
    Identity::from_pem(&kind.certificate, &kind.key).expect(kind.name)
}

fn pinned(kind: &Kind) -> PinnedCertificates {
    PinnedCertificates::from_pem(&kind.certificate).expect(kind.name)
}

/// Calls a service of this configuration once.
async fn ping(service: impl Into<Arc<ServerConfig>>, caller: ClientTls) -> Result<String, CallError> {
    let listener = HostListener::bind("127.0.0.1:0").await.expect("a free port");
    let listener = TlsListener::new(listener, service);
    let address = listener.inner().local_addrs().expect("bound")[0].to_string();
    let router = Router::new().message("ping", async || "pong");
    let running = tokio::spawn(serve(listener, router).into_future());
    let client = Client::builder().tls(caller).build(&*address).expect("a name");
    let answer = client.send::<String>("ping", &0).await;
    running.abort();
    answer
}

fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |error| (*error).source());
    causes.fold(error.to_string(), |chain, cause| format!("{chain}: {cause}"))
}

#[tokio::test]
async fn a_pinned_certificate_of_any_kind_is_accepted_in_both_roles() {
    for kind in Kind::all() {
        let service = ServerTls::new(identity(&kind)).require_pinned_client_certificates(pinned(&kind));
        let caller = ClientTls::trusting_pinned(pinned(&kind)).identity(identity(&kind));
        let answer = ping(service, caller).await;
        assert!(matches!(answer.as_deref(), Ok("pong")), "{}: {answer:?}", kind.name);
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_pinned_is_refused_in_both_roles() {
    for kind in Kind::all() {
        let other = Kind::expired();
        let caller = ClientTls::trusting_pinned(pinned(&other));
        let error = ping(ServerTls::new(identity(&kind)), caller)
            .await
            .expect_err(kind.name);
        assert!(
            chain(&error).contains("is none of those that are pinned"),
            "{}",
            chain(&error)
        );

        let service = ServerTls::new(identity(&kind)).require_pinned_client_certificates(pinned(&other));
        let caller = ClientTls::trusting_pinned(pinned(&kind));
        ping(service.clone(), caller.clone()).await.expect_err("no certificate");
        let shown = caller.identity(identity(&kind));
        ping(service, shown)
            .await
            .expect_err("a certificate that is not pinned");
    }
}

#[tokio::test]
async fn a_pinned_certificate_that_has_expired_is_refused_in_both_roles() {
    let (good, expired) = (Kind::version_1(), Kind::expired());
    let caller = ClientTls::trusting_pinned(pinned(&expired));
    let error = ping(ServerTls::new(identity(&expired)), caller)
        .await
        .expect_err("expired");
    assert!(chain(&error).contains("expired"), "{}", chain(&error));
    let service = ServerTls::new(identity(&good)).require_pinned_client_certificates(pinned(&expired));
    let caller = ClientTls::trusting_pinned(pinned(&good)).identity(identity(&expired));
    ping(service, caller).await.expect_err("expired");
}

/// Returns a certificate resolver, for either role, that presents a certificate of this kind.
fn resolver(kind: &Kind, key: &str) -> Arc<SingleCertAndKey> {
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
    let key = ring::sign::any_supported_type(&key).expect("a key of ring's");
    let certificate = CertificateDer::from_pem_slice(kind.certificate.as_bytes()).expect("PEM");
    Arc::new(SingleCertAndKey::from(CertifiedKey::new(vec![certificate], key)))
}

const VERSIONS: [&rustls::SupportedProtocolVersion; 2] = [&rustls::version::TLS12, &rustls::version::TLS13];

#[tokio::test]
async fn a_service_s_pinned_certificate_of_any_kind_is_accepted_over_tls_1_2_and_1_3() {
    for (kind, version) in Kind::all()
        .iter()
        .flat_map(|kind| VERSIONS.map(|version| (kind, version)))
    {
        let service = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[version])
            .expect("versions of ring")
            .with_no_client_auth()
            .with_cert_resolver(resolver(kind, &kind.key));
        let answer = ping(Arc::new(service), ClientTls::trusting_pinned(pinned(kind))).await;
        assert!(
            matches!(answer.as_deref(), Ok("pong")),
            "{}, {version:?}: {answer:?}",
            kind.name
        );
    }
}

#[tokio::test]
async fn a_caller_s_pinned_certificate_of_any_kind_is_accepted_over_tls_1_2_and_1_3() {
    let certificates = Certificates::new("pinned-callers");
    let path = |file| certificates.path(file);
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(path("ca")).expect("PEM"))
        .expect("an authority");
    for (kind, version) in Kind::all()
        .iter()
        .flat_map(|kind| VERSIONS.map(|version| (kind, version)))
    {
        let service = ServerTls::from_pem_files(path("service"), path("service-key"))
            .expect("PEM")
            .require_pinned_client_certificates(pinned(kind));
        let caller = |key: &str| {
            rustls::ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
                .with_protocol_versions(&[version])
                .expect("versions of ring")
                .with_root_certificates(roots.clone())
                .with_client_cert_resolver(resolver(kind, key))
        };
        let answer = ping(service.clone(), caller(&kind.key).into()).await;
        assert!(
            matches!(answer.as_deref(), Ok("pong")),
            "{}, {version:?}: {answer:?}",
            kind.name
        );
        let stolen = caller(&Kind::expired().key);
        ping(service, stolen.into()).await.expect_err(kind.name);
    }
}

#[tokio::test]
async fn a_pinned_certificate_without_its_key_is_refused() {
    for kind in Kind::all() {
        for version in VERSIONS {
            let service = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
                .with_protocol_versions(&[version])
                .expect("versions of ring")
                .with_no_client_auth()
                .with_cert_resolver(resolver(&kind, &Kind::expired().key));
            let caller = ClientTls::trusting_pinned(pinned(&kind));
            ping(Arc::new(service), caller).await.expect_err(kind.name);
        }
    }
}

#[test]
fn a_key_of_another_certificate_is_refused_for_every_kind() {
    for kind in Kind::all() {
        Identity::from_pem(&kind.certificate, Kind::expired().key).expect_err(kind.name);
    }
}
