//! The flags of the service.

use std::{path::PathBuf, time::Duration};

use nest_wire::{connection::TransportConfig, server::Limits};

/// The flags of `serve`. The crate's defaults apply to flags that are not given.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Flags {
    /// The port; 0 picks a free one
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// End when standard input ends
    #[arg(long)]
    pub with_parent: bool,
    /// Do not print the numbers that handlers receive
    #[arg(long = "quiet")]
    pub is_quiet: bool,
    /// The number of threads; 0 is a runtime on the main thread only
    #[arg(long, default_value_t = 2)]
    pub workers: usize,
    /// Maximum number of open descriptors
    #[arg(long)]
    pub descriptors: Option<u64>,
    /// The service's certificate (PEM), for TLS
    #[arg(long)]
    pub cert: Option<PathBuf>,
    /// The certificate's key (PEM)
    #[arg(long)]
    pub key: Option<PathBuf>,
    /// `Serve::drain_timeout` in milliseconds
    #[arg(long)]
    pub drain_ms: Option<u64>,
    /// `Limits::idle_timeout` in milliseconds
    #[arg(long)]
    pub idle_ms: Option<u64>,
    /// `Limits::max_age` in milliseconds
    #[arg(long)]
    pub max_age_ms: Option<u64>,
    /// `Limits::max_connections`
    #[arg(long)]
    pub max_connections: Option<usize>,
    /// `Limits::max_in_flight`
    #[arg(long)]
    pub max_in_flight: Option<usize>,
    /// `Limits::max_in_flight_per_connection`
    #[arg(long)]
    pub max_in_flight_per_connection: Option<usize>,
    /// `connection::TransportConfig::incomplete_message_timeout` in milliseconds
    #[arg(long)]
    pub incomplete_ms: Option<u64>,
    /// `connection::TransportConfig::max_buffer_size` in UTF-16 units
    #[arg(long)]
    pub max_buffer: Option<usize>,
    /// `connection::TransportConfig::max_send_buffer_size` in bytes
    #[arg(long)]
    pub max_send_buffer: Option<usize>,
}

impl Flags {
    pub(super) fn drain_timeout(&self) -> Option<Duration> {
        self.drain_ms.map(Duration::from_millis)
    }

    pub(super) fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        limits.idle_timeout = self.idle_ms.map(Duration::from_millis);
        limits.max_age = self.max_age_ms.map(Duration::from_millis);
        if let Some(connections) = self.max_connections {
            limits = limits.max_connections(connections);
        }
        if let Some(requests) = self.max_in_flight {
            limits = limits.max_in_flight(requests);
        }
        if let Some(requests) = self.max_in_flight_per_connection {
            limits = limits.max_in_flight_per_connection(requests);
        }
        limits
    }

    pub(super) fn connection(&self) -> TransportConfig {
        let mut config = TransportConfig::default();
        if let Some(milliseconds) = self.incomplete_ms {
            config = config.incomplete_message_timeout(Some(Duration::from_millis(milliseconds)));
        }
        if let Some(units) = self.max_buffer {
            config = config.max_buffer_size(units);
        }
        if let Some(bytes) = self.max_send_buffer {
            config = config.max_send_buffer_size(bytes);
        }
        config
    }
}
