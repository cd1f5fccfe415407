//! Why a load came to no figure.

use std::{io, time::Duration};

/// A run that counts for nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The network or the system failed.
    #[error("the link failed")]
    Io(#[from] io::Error),
    /// The server closed a connection.
    #[error("the server closed the connection with requests in flight")]
    Closed,
    /// What came back is not what was asked for.
    #[error("wrong answer: {received:?} where {expected:?} was due")]
    Wrong {
        /// The start of what came.
        received: String,
        /// The start of what was due.
        expected: String,
    },
    /// What came back belongs to no request.
    #[error("an answer to no request: {received:?}")]
    Stray {
        /// The start of what came.
        received: String,
    },
    /// Not done in time: the server hangs, or is very slow.
    #[error("not done within {0:?}")]
    Stalled(Duration),
}

impl LoadError {
    pub(super) fn wrong(received: &[u8], expected: &[u8]) -> Self {
        // Where they part, not where they begin: large frames are alike for long.
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

/// How many bytes of a frame an error shows.
const EXCERPT: usize = 120;

fn excerpt(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(EXCERPT)]).into_owned()
}
