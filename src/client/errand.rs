//! What a caller brings to a desk: a packet up to its id, and what it wants.

use std::{sync::Arc, time::Duration};

use super::{CallError, calls::Returned, limit::Limit};
use crate::{compat::Compat, packet::Draft, pattern::Pattern};

/// Made where it stays, step by step: addressed, then given its data. A call would be slower by each time it is moved.
#[derive(Debug)]
pub(super) struct Errand {
    pub(super) draft: Draft,
    pub(super) kind: Kind,
    pub(super) limit: Limit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Its caller wants the last value.
    Request,
    /// Its caller wants each value.
    Stream,
    /// Nobody answers it.
    Event,
}

impl Errand {
    pub(super) fn new(kind: Kind, patience: Duration) -> Self {
        Self {
            draft: Draft::default(),
            kind,
            limit: Limit::of(patience),
        }
    }

    /// Makes an errand of a packet that was not written, to be put down elsewhere.
    pub(super) fn reopened(kind: Kind, returned: Returned) -> Self {
        Self {
            draft: Draft::reopened(returned.packet, kind != Kind::Event),
            kind,
            limit: returned.limit,
        }
    }

    /// Begins the packet.
    pub(super) fn address(&mut self, pattern: &Pattern, compat: Compat) -> Result<(), CallError> {
        require(pattern)?;
        match self.kind {
            Kind::Request | Kind::Stream => self.draft.request(pattern),
            // Events go to the route, as text, whatever their pattern was (`ClientTCP.dispatchEvent`).
            Kind::Event => self.draft.event(pattern, compat),
        }
        Ok(())
    }

    /// Appends the data, which `write` does.
    pub(super) fn data(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), serde_json::Error>,
    ) -> Result<(), CallError> {
        match self.draft.data(write) {
            Ok(b"null") => Err(CallError::MissingData),
            Ok(_) => Ok(()),
            Err(error) => Err(CallError::Encode(Arc::new(error))),
        }
    }

    /// Whether somebody answers it.
    pub(super) fn is_request(&self) -> bool {
        self.kind != Kind::Event
    }
}

pub(super) fn require(pattern: &Pattern) -> Result<(), CallError> {
    match pattern.value().is_null() {
        true => Err(CallError::MissingPattern),
        false => Ok(()),
    }
}
