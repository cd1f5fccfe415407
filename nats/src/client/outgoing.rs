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
    Members(Members),
    /// A packet that another caller has sent.
    Forwarded(RequestPacket),
}

struct Members {
    pattern: RawJson,
    data: RawJson,
    metadata: Option<RawJson>,
}

impl Members {
    /// Returns a packet of these members.
    fn packet(&self, write: impl FnOnce(&mut BytesMut, &Self)) -> Bytes {
        let texts = [Some(&self.pattern), Some(&self.data), self.metadata.as_ref()];
        let size: usize = texts.into_iter().flatten().map(|text| text.as_str().len()).sum();
        let mut packet = BytesMut::with_capacity(size + BETWEEN);
        write(&mut packet, self);
        packet.freeze()
    }
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
            content: Content::Members(Members {
                pattern,
                data,
                metadata,
            }),
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
            Content::Members(members) => members.packet(|out, members| {
                write_request(out, &members.pattern, &members.data, members.metadata.as_ref(), id);
            }),
            Content::Forwarded(packet) => packet.with_id(id).into(),
        }
    }

    /// Returns the packet of an event. Its pattern is the one that was given: over NATS, Nest does
    /// not replace it by its route (`client-nats.js`, `dispatchEvent`).
    pub(crate) fn event(&self) -> Bytes {
        match &self.content {
            Content::Members(members) => members.packet(|out, members| {
                write_event(out, &members.pattern, &members.data, members.metadata.as_ref());
            }),
            Content::Forwarded(packet) => packet.as_event().into(),
        }
    }
}
