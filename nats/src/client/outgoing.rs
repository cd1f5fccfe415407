//! A call before it is sent.

use async_nats::Subject;
use bytes::{Bytes, BytesMut};
use nest_wire::{
    Compat,
    packet::{CallId, RawJson, write_event, write_request},
    pattern::Pattern,
};

use crate::{CallError, subject::to_publish};

/// The packet's members and the subject of a call or an event.
pub(crate) struct Outgoing {
    pub(crate) subject: Subject,
    pattern: RawJson,
    data: RawJson,
    metadata: Option<RawJson>,
}

impl Outgoing {
    /// # Errors
    /// [`CallError::MissingPattern`], [`CallError::MissingData`] and [`CallError::InvalidSubject`].
    pub(crate) fn new(
        pattern: &Pattern,
        data: RawJson,
        metadata: Option<RawJson>,
        compat: Compat,
    ) -> Result<Self, CallError> {
        let route = pattern.route(compat).to_string();
        let pattern = RawJson::new(pattern.to_json()).map_err(CallError::encode)?;
        if pattern.as_str() == "null" {
            return Err(CallError::MissingPattern);
        }
        if data.as_str() == "null" {
            return Err(CallError::MissingData);
        }
        Ok(Self {
            subject: to_publish(&route).map_err(CallError::InvalidSubject)?,
            pattern,
            data,
            metadata,
        })
    }

    /// Returns the packet of a request.
    pub(crate) fn request(&self, id: CallId) -> Bytes {
        let mut packet = BytesMut::new();
        write_request(&mut packet, &self.pattern, &self.data, self.metadata.as_ref(), id);
        packet.freeze()
    }

    /// Returns the packet of an event. Its pattern is the one that was given: over NATS, Nest does
    /// not replace it by its route (`client-nats.js`, `dispatchEvent`).
    pub(crate) fn event(&self) -> Bytes {
        let mut packet = BytesMut::new();
        write_event(&mut packet, &self.pattern, &self.data, self.metadata.as_ref());
        packet.freeze()
    }
}
