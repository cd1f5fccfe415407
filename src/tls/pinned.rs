//! Certificates that are trusted without an authority.

use std::{path::Path, sync::Arc};

use tokio_rustls::rustls::{
    self, CertificateError, DigitallySignedStruct, DistinguishedName, OtherError, PeerMisbehaved, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};

use super::{
    TlsError,
    identity::{chain, in_file},
    not_pinned::NotPinned,
    provider,
    x509::{Fields, algorithm_and_bits},
};

const PINNED: &str = "pinned certificates";

/// The peers' own certificates: Nest's `tlsOptions.ca` where it *is* the certificate of the peer.
///
/// A peer is trusted if it shows exactly one of these certificates (all bytes are equal) within the
/// certificate's dates, and proves that it has the private key. Nothing else of the certificate is
/// verified: neither the names in it, nor its issuer, extensions or purposes, nor revocation. A
/// certificate with only a CN is therefore accepted, and so is a certificate made with
/// `openssl req -x509`, which is an authority (`CA:TRUE`). Certificates of X.509 version 1 are
/// accepted too, over TLS 1.2 and 1.3. A certificate that a pinned one has signed is refused; Node
/// accepts it. Node also verifies the name, and the issuer of a certificate that is not
/// self-signed; a pin needs neither, because all bytes are compared.
#[derive(Debug, Clone)]
pub struct PinnedCertificates(Arc<[Pin]>);

impl PinnedCertificates {
    /// Reads the certificates in a PEM file. Returns them pinned.
    ///
    /// # Errors
    /// [`TlsError::File`] and [`TlsError::Certificate`].
    pub fn from_pem_file(path: impl AsRef<Path>) -> Result<Self, TlsError> {
        let path = path.as_ref();
        let certificates = CertificateDer::pem_file_iter(path)
            .and_then(chain)
            .map_err(in_file(PINNED, path))?;
        Self::new(certificates)
    }

    /// Reads the certificates in a PEM text. Returns them pinned.
    ///
    /// # Errors
    /// [`TlsError::Pem`] and [`TlsError::Certificate`].
    pub fn from_pem(certificates: impl AsRef<[u8]>) -> Result<Self, TlsError> {
        let certificates = chain(CertificateDer::pem_slice_iter(certificates.as_ref()))
            .map_err(|source| TlsError::Pem { wanted: PINNED, source })?;
        Self::new(certificates)
    }

    fn new(certificates: Vec<CertificateDer<'static>>) -> Result<Self, TlsError> {
        let pins = certificates.into_iter().map(Pin::new);
        pins.collect::<Result<_, _>>().map(Self).map_err(TlsError::Certificate)
    }

    pub(super) fn verifier(self) -> Arc<PinVerifier> {
        Arc::new(PinVerifier {
            pins: self.0,
            algorithms: provider().signature_verification_algorithms,
        })
    }
}

#[derive(Debug)]
struct Pin {
    certificate: CertificateDer<'static>,
    fields: Fields,
}

impl Pin {
    fn new(certificate: CertificateDer<'static>) -> Result<Self, rustls::Error> {
        let fields = Fields::read(&certificate).ok_or(CertificateError::BadEncoding)?;
        Ok(Self { certificate, fields })
    }
}

/// Accepts peers with a pinned certificate and refuses all others.
#[derive(Debug)]
pub(super) struct PinVerifier {
    pins: Arc<[Pin]>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl PinVerifier {
    fn pin(&self, certificate: &CertificateDer<'_>) -> Result<&Pin, CertificateError> {
        let pin = self.pins.iter().find(|pin| pin.certificate == *certificate);
        pin.ok_or_else(|| CertificateError::Other(OtherError(Arc::new(NotPinned))))
    }

    fn verify(&self, certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), rustls::Error> {
        let Fields {
            not_before, not_after, ..
        } = self.pin(certificate)?.fields;
        if now < not_before {
            return Err(CertificateError::NotValidYetContext { time: now, not_before }.into());
        }
        if now > not_after {
            return Err(CertificateError::ExpiredContext { time: now, not_after }.into());
        }
        Ok(())
    }

    /// Verifies the handshake with the key of the pin, because webpki does not read certificates of
    /// version 1. As in rustls, each algorithm of the scheme is tried: in TLS 1.2 a scheme does not
    /// name the curve of the key.
    fn verify_tls12(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let key = &self.pin(certificate)?.fields.public_key;
        let (algorithm, bits) = algorithm_and_bits(key).ok_or(CertificateError::BadEncoding)?;
        let mut candidates = self.algorithms.mapping.iter();
        let (_, candidates) = candidates
            .find(|(scheme, _)| *scheme == signature.scheme)
            .ok_or(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme)?;
        let is_valid = candidates.iter().any(|candidate| {
            candidate.public_key_alg_id().as_ref() == algorithm
                && candidate.verify_signature(bits, message, signature.signature()).is_ok()
        });
        match is_valid {
            true => Ok(HandshakeSignatureValid::assertion()),
            false => Err(CertificateError::BadSignature.into()),
        }
    }

    /// Verifies the handshake with the key of the pin, for the same reason as `verify_tls12`.
    fn verify_tls13(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let key = &self.pin(certificate)?.fields.public_key;
        verify_tls13_signature_with_raw_key(message, key, signature, &self.algorithms)
    }
}

/// The methods that the verifiers of both roles share.
macro_rules! signatures_are_verified_with_the_pin {
    () => {
        fn verify_tls12_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            self.verify_tls12(message, certificate, signature)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            self.verify_tls13(message, certificate, signature)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.algorithms.supported_schemes()
        }
    };
}

impl ServerCertVerifier for PinVerifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.verify(certificate, now).map(|()| ServerCertVerified::assertion())
    }

    signatures_are_verified_with_the_pin!();
}

impl ClientCertVerifier for PinVerifier {
    /// Returns no names: a Node caller shows its certificate regardless of what the service
    /// accepts.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        self.verify(certificate, now).map(|()| ClientCertVerified::assertion())
    }

    signatures_are_verified_with_the_pin!();
}
