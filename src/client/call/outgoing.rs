//! A call on its way into a channel: its packet up to the id, and how its replies are to be
//! delivered.

use std::{
    sync::Arc,
    task::{Context, Waker},
};

use tokio::time::Instant;

use crate::{
    client::{CallError, channel::pending::Returned},
    compat::Compat,
    packet::Draft,
    pattern::Pattern,
};

/// Made where it stays, step by step: addressed, then given its data. A call would be slower by
/// each time it is moved.
#[derive(Debug)]
pub(in crate::client) struct OutgoingCall {
    pub(in crate::client) draft: Draft,
    pub(in crate::client) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::client) enum Kind {
    /// Its caller wants the last value.
    Request,
    /// Its caller wants the first value.
    First,
    /// Its caller wants each value; the first one has time from this moment on.
    Stream { since: Instant },
    /// Nobody answers it.
    Event,
}

impl Kind {
    /// Returns what is to be woken by what comes of it: of a stream it is not yet known who will
    /// look at that.
    pub(in crate::client) fn waker(self, cx: &Context<'_>) -> Option<Waker> {
        match self {
            Self::Request | Self::First | Self::Event => Some(cx.waker().clone()),
            Self::Stream { .. } => None,
        }
    }
}

impl OutgoingCall {
    pub(in crate::client) fn new(kind: Kind) -> Self {
        Self {
            draft: Draft::default(),
            kind,
        }
    }

    /// Makes a request of a packet that was not written, to be put down elsewhere.
    pub(in crate::client) fn reopened(kind: Kind, returned: Returned) -> Self {
        Self {
            draft: Draft::reopened(returned.packet, kind != Kind::Event),
            kind,
        }
    }

    /// Begins the packet.
    pub(in crate::client) fn address(&mut self, pattern: &Pattern, compat: Compat) -> Result<(), CallError> {
        require(pattern)?;
        match self.kind {
            Kind::Request | Kind::First | Kind::Stream { .. } => self.draft.request(pattern),
            // Events go to the route, as text, whatever their pattern was
            // (`ClientTCP.dispatchEvent`).
            Kind::Event => self.draft.event(pattern, compat),
        }
        Ok(())
    }

    /// Appends the data, which `write` does.
    pub(in crate::client) fn data(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), serde_json::Error>,
    ) -> Result<(), CallError> {
        match self.draft.data(write) {
            Ok(b"null") => Err(CallError::MissingData),
            Ok(_) => Ok(()),
            Err(error) => Err(CallError::Encode(Arc::new(error))),
        }
    }

    /// Returns true if somebody answers it.
    pub(in crate::client) fn is_request(&self) -> bool {
        self.kind != Kind::Event
    }
}

pub(in crate::client) fn require(pattern: &Pattern) -> Result<(), CallError> {
    match pattern.value().is_null() {
        true => Err(CallError::MissingPattern),
        false => Ok(()),
    }
}
