//! TLS as it is typed: the files of certificates and keys.

use std::path::PathBuf;

use clap::Args;
use nest_wire::tls::{Authorities, ClientTls, Identity, TlsError};

/// How to speak TLS with a service whose address begins with `tls://`.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "TLS, for a tls:// address")]
pub(crate) struct TlsOptions {
    /// Authorities to trust instead of the system's: a PEM file
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// Certificate to show to the service: a PEM file
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,
    /// The key of --cert: a PEM file
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// Name that the service's certificate is for, if it is not the host
    #[arg(long, value_name = "NAME")]
    pub(crate) server_name: Option<String>,
}

impl TlsOptions {
    /// Reads the files.
    pub(crate) fn client(&self) -> Result<ClientTls, TlsError> {
        let authorities = match &self.ca {
            Some(file) => Authorities::from_pem_file(file)?,
            None => Authorities::native()?,
        };
        let mut tls = ClientTls::trusting(authorities);
        if let (Some(cert), Some(key)) = (&self.cert, &self.key) {
            tls = tls.identity(Identity::from_pem_files(cert, key)?);
        }
        match &self.server_name {
            Some(name) => tls.server_name(name),
            None => Ok(tls),
        }
    }
}
