//! Errors of a load.

use std::{io, time::Duration};

/// An error that makes a run invalid.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The network or the system failed.
    #[error("the link failed")]
    Io(#[from] io::Error),
    /// The server closed a connection.
    #[error("the server closed the connection with requests in flight")]
    Closed,
    /// A reply is not the expected one.
    #[error("wrong answer: {received:?} where {expected:?} was due")]
    Wrong {
        /// An excerpt of the received bytes.
        received: String,
        /// An excerpt of the expected bytes.
        expected: String,
    },
    /// A reply belongs to no request.
    #[error("an answer to no request: {received:?}")]
    Stray {
        /// The start of the received bytes.
        received: String,
    },
    /// The run did not end in time: the server hangs or is very slow.
    #[error("not done within {0:?}")]
    Stalled(Duration),
}

impl LoadError {
    pub(super) fn wrong(received: &[u8], expected: &[u8]) -> Self {
        // Show where they differ, not where they begin: large frames have long common beginnings.
        let parting = received.iter().zip(expected).position(|(one, other)| one != other);
        let from = parting.unwrap_or_default().saturating_sub(EXCERPT / 2);
        Self::Wrong {
            received: excerpt(&received[from..]),
            expected: excerpt(&expected[from..]),
        }
    }

    pub(super) fn stray(received: &[u8]) -> Self {
        Self::Stray {
            received: excerpt(received),
        }
    }
}

/// Maximum number of bytes of a frame that an error shows.
const EXCERPT: usize = 120;

fn excerpt(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(EXCERPT)]).into_owned()
}
