//! TLS and mutual TLS for a service ([`ServerTls`]) and for its caller ([`ClientTls`]): the
//! counterpart of Nest's `tlsOptions`.
//!
//! The own certificate ([`Identity`]) and the trusted ones ([`Authorities`]) come from PEM files or
//! from memory. Users who need more than that pass a `ServerConfig` or `ClientConfig` of [`rustls`]
//! instead. This module depends on neither packets nor connections: the service's `TlsListener` and
//! the caller's `ClientBuilder::tls` use it.
//!
//! ```no_run
//! use nest_wire::{client::Client, server::{HostListener, Router, listen::TlsListener, serve}, tls::{Authorities, ClientTls, Identity, ServerTls}};
//!
//! # async fn service() -> Result<(), Box<dyn std::error::Error>> {
//! // A service that requires a certificate of its callers …
//! let tls = ServerTls::from_pem_files("service.pem", "service-key.pem")?
//!     .require_client_certificates(Authorities::from_pem_file("callers-ca.pem")?);
//! let listener = TlsListener::new(HostListener::bind("localhost:8888").await?, tls);
//! serve(listener, Router::new().message("ping", async || "pong")).await;
//! # Ok(()) }
//!
//! # async fn caller() -> Result<(), Box<dyn std::error::Error>> {
//! // … and a caller with a certificate.
//! let tls = ClientTls::trusting(Authorities::from_pem_file("services-ca.pem")?)
//!     .identity(Identity::from_pem_files("caller.pem", "caller-key.pem")?);
//! let client = Client::builder().tls(tls).build("localhost:8888")?;
//! let answer: String = client.send("ping", &0).await?;
//! # Ok(()) }
//! ```

mod authorities;
mod client;
mod error;
mod identity;
mod not_pinned;
mod peer;
mod pinned;
mod refusal;
mod server;
mod sessions;
mod shown;
mod verdict;
mod x509;

use std::sync::Arc;

pub use authorities::Authorities;
pub use client::ClientTls;
pub use error::{HandshakeError, TlsError};
pub use identity::Identity;
pub use peer::PeerCertificates;
pub use pinned::PinnedCertificates;
pub(crate) use refusal::explained;
pub use server::ServerTls;
pub use tokio_rustls::rustls;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};

/// Returns the provider of the cryptography in this module. The process may have another default,
/// or none.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
