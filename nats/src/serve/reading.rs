//! Reads a message of NATS as a packet (`server/server-nats.js`, `handleMessage`).

use std::sync::Arc;

use async_nats::Message;
use bytestring::ByteString;
use nest_wire::{
    packet::{IncomingRequest, PacketError, RawJson},
    server::{Request, RequestKind},
};

use crate::metadata;

/// A request or an event, and the id that its replies carry.
pub(crate) struct Read {
    pub(crate) request: Request,
    pub(crate) id: Option<RawJson>,
}

/// Reads a message. The pattern in the packet is ignored: the handler was found by the subscription,
/// and the context has the subject.
///
/// A message that is JSON without a pattern and without data is an event of another system, and
/// its whole text is the data.
///
/// # Errors
/// [`PacketError`]: the message is not JSON.
pub(crate) fn read(message: &Message) -> Result<Read, PacketError> {
    // JavaScript's `TextDecoder` replaces malformed bytes.
    let text = match ByteString::try_from(message.payload.clone()) {
        Ok(text) => text,
        Err(_) => String::from_utf8_lossy(&message.payload).into_owned().into(),
    };
    let packet = IncomingRequest::read(&text)?;
    let is_foreign = packet.pattern.is_none() && packet.data.is_none();
    let data = match is_foreign {
        true => RawJson::new(text).ok(),
        false => packet.data,
    };
    let kind = match packet.id {
        Some(_) => RequestKind::Message,
        None => RequestKind::Event,
    };
    let mut request = Request::raw(kind, Some(Arc::from(message.subject.as_str())), data);
    request.metadata = metadata::of(message.headers.as_ref(), packet.metadata.as_ref());
    if let Some(headers) = &message.headers {
        request.extensions.insert(headers.clone());
    }
    Ok(Read { request, id: packet.id })
}
