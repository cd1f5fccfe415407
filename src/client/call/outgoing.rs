//! A call on its way into a channel: its packet up to the id, and how its replies are delivered.

use std::{
    sync::Arc,
    task::{Context, Waker},
};

use tokio::time::Instant;

use crate::{
    client::{CallError, channel::waiter::Returned},
    compat::Compat,
    packet::Draft,
    pattern::Pattern,
};

/// Maximum number of times a call is sent again after a stopping service refused it: as many as
/// hosts of one service are likely to stop at the same time.
pub(in crate::client) const RETRIES: usize = 3;

/// A call that is built in place: first its address, then its data. Each move would make it slower.
#[derive(Debug)]
pub(in crate::client) struct OutgoingCall {
    pub(in crate::client) draft: Draft,
    pub(in crate::client) kind: CallKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::client) enum CallKind {
    /// The caller wants the last value.
    Request,
    /// The caller wants the first value.
    First,
    /// The caller wants each value; the timeout of the first value starts at `since`.
    Stream { since: Instant },
    /// The caller wants each packet of the reply as it came; otherwise like a stream.
    Packets { since: Instant },
    /// An event, which has no reply.
    Event,
}

impl CallKind {
    /// Returns the waker for the outcome of the call, or `None` for a stream: the task that will
    /// poll the stream is not known yet.
    pub(in crate::client) fn waker(self, cx: &Context<'_>) -> Option<Waker> {
        match self {
            Self::Request | Self::First | Self::Event => Some(cx.waker().clone()),
            Self::Stream { .. } | Self::Packets { .. } => None,
        }
    }

    /// Returns this kind with another start of its timeout, if it has one.
    pub(in crate::client) const fn since(self, since: Instant) -> Self {
        match self {
            Self::Stream { .. } => Self::Stream { since },
            Self::Packets { .. } => Self::Packets { since },
            Self::Request | Self::First | Self::Event => self,
        }
    }
}

impl OutgoingCall {
    pub(in crate::client) fn new(kind: CallKind) -> Self {
        Self {
            draft: Draft::default(),
            kind,
        }
    }

    /// Returns a call with a packet that was not written, to be submitted elsewhere.
    pub(in crate::client) fn reopened(kind: CallKind, returned: Returned) -> Self {
        Self {
            draft: Draft::reopened(returned.packet, kind != CallKind::Event),
            kind,
        }
    }

    /// Begins the packet with the pattern.
    pub(in crate::client) fn address(&mut self, pattern: &Pattern, compat: Compat) -> Result<(), CallError> {
        require(pattern)?;
        match self.kind {
            CallKind::Request | CallKind::First | CallKind::Stream { .. } | CallKind::Packets { .. } => {
                self.draft.request(pattern);
            }
            // An event is sent to the route as text, whatever its pattern is
            // (`ClientTCP.dispatchEvent`).
            CallKind::Event => self.draft.event(pattern, compat),
        }
        Ok(())
    }

    /// Appends the data, which `write` writes.
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

    /// Returns true if the call has a reply.
    pub(in crate::client) fn is_request(&self) -> bool {
        self.kind != CallKind::Event
    }
}

pub(in crate::client) fn require(pattern: &Pattern) -> Result<(), CallError> {
    match pattern.value().is_null() {
        true => Err(CallError::MissingPattern),
        false => Ok(()),
    }
}
