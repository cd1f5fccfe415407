//! The options of every command that calls a service: where it is, and how to connect.

use std::time::Duration;

use clap::Args;
use nest_wire::Compat;

use crate::{address::Address, duration, tls::TlsOptions};

#[derive(Debug, Clone, Args)]
pub(crate) struct ConnectOptions {
    /// How long connecting may take: looking the name up, TCP and TLS together
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration::parse)]
    pub(crate) connect_timeout: Duration,
    /// Be like this major of Nest, 7 to 12
    #[arg(long, value_name = "MAJOR", default_value = "12", value_parser = major)]
    pub(crate) nest: Compat,
    /// Show the frames as they are sent and received, and times, on standard error
    #[arg(short, long)]
    pub(crate) verbose: bool,
    #[command(flatten)]
    pub(crate) tls: TlsOptions,
    /// Where the service is: HOST:PORT, tls://HOST:PORT or unix:PATH
    #[arg(value_name = "ADDRESS")]
    pub(crate) address: Address,
}

/// Reads the number of a major version of Nest.
pub(crate) fn major(text: &str) -> Result<Compat, &'static str> {
    let major = text.parse().ok().and_then(Compat::from_major);
    major.ok_or("it takes 7 to 12")
}
