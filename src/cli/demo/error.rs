//! What can be wrong with a demo.

use std::io;

use crate::{cli::harness::HarnessError, codec::FrameError, packet::PacketError};

/// Why the demo cannot go on, or what was not as it should be.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum DemoError {
    #[error(transparent)]
    Harness(#[from] HarnessError),
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
