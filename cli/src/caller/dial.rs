//! Connects, and watches what passes.

use std::{io, sync::Arc};

use super::{seen::Seen, watched::Watched};
use crate::dial::{DialError, Dialer, stream::Stream};

/// Connects for a caller, as often as needed.
#[derive(Clone)]
pub(super) struct WatchedDialer {
    pub(super) dialer: Dialer,
    pub(super) seen: Arc<Seen>,
}

impl WatchedDialer {
    /// Connects within the time that there is.
    ///
    /// # Errors
    /// A [`DialError`] in an [`io::Error`].
    pub(super) async fn dial(self) -> io::Result<Watched<Stream>> {
        let stream = self.dial_unwatched().await.map_err(io::Error::other)?;
        self.seen.begin_connection();
        Ok(Watched::new(stream, self.seen))
    }

    /// Connects within the time that there is. Nobody watches what passes.
    pub(super) async fn dial_unwatched(&self) -> Result<Stream, DialError> {
        self.dialer.dial_noting(|line| self.seen.note(|| line)).await
    }
}
