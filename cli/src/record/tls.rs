//! TLS on both sides of a proxy, as it is typed.

use std::path::PathBuf;

use clap::Args;

use crate::tls::TlsOptions;

/// The certificate of a listener whose address begins with `tls://`.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "TLS with callers, for --listen tls://")]
pub(crate) struct ListenTls {
    /// Certificate of the listener: a PEM file
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,
    /// The key of --cert: a PEM file
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// Authorities that must have signed the certificates of callers: a PEM file
    #[arg(long, value_name = "FILE")]
    pub(crate) client_ca: Option<PathBuf>,
}

/// How to speak TLS with a service whose address begins with `tls://`.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "TLS with the service, if its address begins with tls://")]
pub(crate) struct ToTls {
    /// Authorities to trust instead of the system's: a PEM file
    #[arg(long, value_name = "FILE")]
    to_ca: Option<PathBuf>,
    /// Certificate to show to the service: a PEM file
    #[arg(long, value_name = "FILE", requires = "to_key")]
    to_cert: Option<PathBuf>,
    /// The key of --to-cert: a PEM file
    #[arg(long, value_name = "FILE", requires = "to_cert")]
    to_key: Option<PathBuf>,
    /// Name that the service's certificate is for, if it is not the host
    #[arg(long, value_name = "NAME")]
    to_server_name: Option<String>,
    /// The service's own certificate, in a PEM file: trusted without an authority or a name
    #[arg(long, value_name = "FILE", conflicts_with_all = ["to_ca", "to_server_name", "to_insecure"])]
    to_pin: Option<PathBuf>,
    /// Trust any certificate: nobody is verified
    #[arg(long, conflicts_with_all = ["to_ca", "to_server_name"])]
    to_insecure: bool,
}

impl From<ToTls> for TlsOptions {
    fn from(tls: ToTls) -> Self {
        Self {
            ca: tls.to_ca,
            cert: tls.to_cert,
            key: tls.to_key,
            server_name: tls.to_server_name,
            pin: tls.to_pin,
            insecure: tls.to_insecure,
        }
    }
}
