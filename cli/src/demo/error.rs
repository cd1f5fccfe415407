//! What can be wrong with a demo.

use std::io;

use nest_wire::{codec::FrameError, packet::PacketError};
use nest_wire_harness::HarnessError;

/// Why the demo cannot go on, or what was not as it should be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    #[error(transparent)]
    Harness(#[from] HarnessError),
    #[error("there is no cache directory: set XDG_CACHE_HOME to a folder for the services on Node")]
    NoCache,
    #[error("this program cannot find itself, to start the services in Rust")]
    Program(#[source] io::Error),
    #[error("the service cannot listen")]
    Service(#[source] io::Error),
    #[error("no proxy can be put between the services")]
    Proxy(#[source] io::Error),
    #[error("GET http://{url} failed")]
    Http {
        url: String,
        #[source]
        source: io::Error,
    },
    #[error("the packets are not framed as they should be")]
    Framing(#[from] FrameError),
    #[error("a packet is not JSON")]
    Packet(#[from] PacketError),
    #[error("not what the tutorial shows, {expected}\nbut: {seen}")]
    Unexpected { expected: String, seen: String },
}

impl DemoError {
    /// Whether something is as it should be.
    pub(super) fn unless_equal(seen: &str, expected: &str) -> Result<(), Self> {
        if seen == expected {
            return Ok(());
        }
        Err(Self::Unexpected {
            expected: expected.to_owned(),
            seen: seen.to_owned(),
        })
    }
}
