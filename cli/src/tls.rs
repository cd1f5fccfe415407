//! How a command speaks TLS with the service that it calls.

use std::{path::PathBuf, sync::Arc};

use clap::Args;
use nest_wire::tls::{
    Authorities, ClientTls, Identity, PinnedCertificates, TlsError,
    rustls::{
        self, ClientConfig, DigitallySignedStruct, SignatureScheme,
        client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
        pki_types::{CertificateDer, ServerName, UnixTime},
    },
};

use crate::failure::{Failure, with_causes};

/// The heading in `--help`. Each option has it by itself: one of the struct would go on to the
/// arguments behind it.
const HEADING: &str = "TLS, for tls://HOST:PORT";

/// The options for `tls://HOST:PORT`.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct TlsOptions {
    /// The authorities to trust, in a PEM file, instead of the operating system's
    #[arg(long, help_heading = HEADING, value_name = "FILE", conflicts_with = "insecure")]
    pub(crate) ca: Option<PathBuf>,
    /// The service's own certificate, in a PEM file: trusted without an authority or a name
    #[arg(long, help_heading = HEADING, value_name = "FILE", conflicts_with_all = ["ca", "server_name", "insecure"])]
    pub(crate) pin: Option<PathBuf>,
    /// The certificate to show, in a PEM file
    #[arg(long, help_heading = HEADING, value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,
    /// The key of that certificate, in a PEM file
    #[arg(long, help_heading = HEADING, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// The name that the service's certificate has to be for, if not that of the host
    #[arg(long, help_heading = HEADING, value_name = "NAME", conflicts_with = "insecure")]
    pub(crate) server_name: Option<String>,
    /// Trust any certificate: nobody is verified, which is said on each use
    #[arg(long, help_heading = HEADING)]
    pub(crate) insecure: bool,
}

impl TlsOptions {
    /// Returns what the options say, with the files read.
    pub(crate) fn client(&self) -> Result<ClientTls, Failure> {
        let failed = |error: TlsError| Failure::usage(with_causes(&error));
        let mut tls = match (&self.ca, &self.pin) {
            _ if self.insecure => unverified(),
            (Some(file), _) => ClientTls::from_ca_file(file).map_err(failed)?,
            (None, Some(file)) => ClientTls::trusting_pinned(PinnedCertificates::from_pem_file(file).map_err(failed)?),
            (None, None) => {
                let native = Authorities::native();
                ClientTls::trusting(native.map_err(|error| failed(error).hint("--ca FILE names those to trust"))?)
            }
        };
        if let (Some(certificate), Some(key)) = (&self.cert, &self.key) {
            tls = tls.identity(Identity::from_pem_files(certificate, key).map_err(failed)?);
        }
        match &self.server_name {
            Some(name) => tls.server_name(name).map_err(failed),
            None => Ok(tls),
        }
    }

    /// Returns the first of these options that was given: without TLS none means anything.
    pub(crate) fn first_given(&self) -> Option<&'static str> {
        let given = [
            ("--ca", self.ca.is_some()),
            ("--pin", self.pin.is_some()),
            ("--cert", self.cert.is_some()),
            ("--server-name", self.server_name.is_some()),
            ("--insecure", self.insecure),
        ];
        given.into_iter().find_map(|(name, is_given)| is_given.then_some(name))
    }
}

/// Returns a configuration that takes any certificate.
fn unverified() -> ClientTls {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("ring has the ciphers of TLS 1.2 and 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Unverified(provider)))
        .with_no_client_auth();
    config.into()
}

/// Accepts any certificate. The handshake still proves that the service has its key.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
