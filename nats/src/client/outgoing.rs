//! A call before it is sent.

use async_nats::Subject;
use bytes::{Bytes, BytesMut};
use nest_wire::{
    Compat,
    packet::{CallId, IncomingRequest, RawJson, RequestPacket, write_event, write_request},
    pattern::{IncomingPattern, Pattern},
};

use crate::{CallError, subject::to_publish};

/// More than the bytes of a packet beside its pattern, its data and its metadata.
const BETWEEN: usize = 96;

/// The content and the subject of a call or an event.
pub(crate) struct Outgoing {
    pub(crate) subject: Subject,
    content: Content,
}

enum Content {
    Members {
        pattern: RawJson,
        data: RawJson,
        metadata: Option<RawJson>,
    },
    /// A packet that another caller has sent.
    Forwarded(RequestPacket),
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
            content: Content::Members {
                pattern,
                data,
                metadata,
            },
        })
    }

    /// # Errors
    /// [`CallError::MissingPattern`] and [`CallError::InvalidSubject`].
    pub(crate) fn forwarded(packet: &RequestPacket, compat: Compat) -> Result<Self, CallError> {
        let request = IncomingRequest::read(&packet.as_str().to_owned().into()).map_err(CallError::encode)?;
        let pattern = request.pattern.ok_or(CallError::MissingPattern)?;
        let pattern = IncomingPattern::read(pattern.as_str(), compat).map_err(CallError::encode)?;
        let route = pattern.route().ok_or(CallError::MissingPattern)?.to_string();
        Ok(Self {
            subject: to_publish(&route).map_err(CallError::InvalidSubject)?,
            content: Content::Forwarded(packet.clone()),
        })
    }

    /// Returns the packet of a request.
    pub(crate) fn request(&self, id: CallId) -> Bytes {
        match &self.content {
            Content::Members {
                pattern,
                data,
                metadata,
            } => {
                let mut packet = BytesMut::with_capacity(self.capacity());
                write_request(&mut packet, pattern, data, metadata.as_ref(), id);
                packet.freeze()
            }
            Content::Forwarded(packet) => packet.with_id(id).into(),
        }
    }

    /// Returns the packet of an event. Its pattern is the one that was given: over NATS, Nest does
    /// not replace it by its route (`client-nats.js`, `dispatchEvent`).
    pub(crate) fn event(&self) -> Bytes {
        match &self.content {
            Content::Members {
                pattern,
                data,
                metadata,
            } => {
                let mut packet = BytesMut::with_capacity(self.capacity());
                write_event(&mut packet, pattern, data, metadata.as_ref());
                packet.freeze()
            }
            Content::Forwarded(packet) => packet.as_event().into(),
        }
    }

    /// Returns the size of the members, with enough for what is between them.
    fn capacity(&self) -> usize {
        match &self.content {
            Content::Members {
                pattern,
                data,
                metadata,
            } => {
                let metadata = metadata.as_ref().map_or(0, |metadata| metadata.as_str().len());
                pattern.as_str().len() + data.as_str().len() + metadata + BETWEEN
            }
            Content::Forwarded(_) => 0,
        }
    }
}
