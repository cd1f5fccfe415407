//! A message or event on its way to a handler.

use std::{net::SocketAddr, sync::Arc};

use http::Extensions;
use serde::Serialize;

use crate::{
    compat::Compat,
    packet::{RawJson, RequestPacket},
    pattern::Pattern,
    server::exchange::permit::Permit,
};

/// A message or event as handlers and extractors see it. `None` is JavaScript's undefined.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Request {
    /// Message or event: decides whether the caller waits for a reply.
    pub kind: RequestKind,
    /// The pattern as text: a string as it is, anything else as compact JSON (Nest's
    /// `TcpContext.getPattern()`).
    pub pattern: Option<Arc<str>>,
    /// The payload.
    pub data: Option<RawJson>,
    /// The metadata that the caller's instrumentation attached (Nest's `TcpContext.getMetadata()`).
    pub metadata: Option<RawJson>,
    /// The caller's address, if the connection has one.
    pub peer: Option<SocketAddr>,
    /// Values that layers pass to handlers, which take them with
    /// [`Extension`](crate::server::extract::Extension): at most one of each type.
    pub extensions: Extensions,
    /// Counts the request as in flight. A task that outlives the handler keeps a clone.
    pub(super) permit: Option<Permit>,
}

impl Request {
    /// Makes a message to `pattern` as `send` sends it, for tests of extractors, layers and
    /// routers. Returns the request. Its other fields are empty and may be set; undefined data is
    /// `None`.
    ///
    /// # Errors
    /// `data` can't be serialised.
    pub fn message(pattern: impl Into<Pattern>, data: &(impl Serialize + ?Sized)) -> Result<Self, serde_json::Error> {
        let pattern = pattern.into().to_string();
        let data = RawJson::from_value(data)?;
        Ok(Self::raw(RequestKind::Message, Some(pattern.into()), Some(data)))
    }

    /// Makes an event of `pattern` as `emit` sends it: addressed to the pattern's route. Returns
    /// the request.
    ///
    /// # Errors
    /// `data` can't be serialised.
    pub fn event(pattern: impl Into<Pattern>, data: &(impl Serialize + ?Sized)) -> Result<Self, serde_json::Error> {
        let route = pattern.into().route(Compat::default()).to_string();
        let data = RawJson::from_value(data)?;
        Ok(Self::raw(RequestKind::Event, Some(route.into()), Some(data)))
    }

    /// Returns the packet of this request, to forward it ([`Client::forward`]): as it came, if this
    /// is a fallback's request over TCP whose data and metadata no layer has changed, otherwise
    /// made of the request's fields. The id of a made packet is null.
    ///
    /// [`Client::forward`]: crate::client::Client::forward
    #[must_use]
    pub fn packet(&self) -> RequestPacket {
        match self
            .extensions
            .get::<Arrived>()
            .filter(|arrived| arrived.is_unchanged(self))
        {
            Some(arrived) => arrived.packet.clone(),
            None => RequestPacket::made(self.pattern.as_deref(), self.data.as_ref(), self.metadata.as_ref()),
        }
    }

    /// Makes a request of what a packet contains, for [`Routes::exchange`]: the pattern as text and
    /// the data. Returns the request. Its other fields are empty and may be set.
    ///
    /// [`Routes::exchange`]: crate::server::Routes::exchange
    #[must_use]
    pub fn raw(kind: RequestKind, pattern: Option<Arc<str>>, data: Option<RawJson>) -> Self {
        Self {
            kind,
            pattern,
            data,
            metadata: None,
            peer: None,
            extensions: Extensions::new(),
            permit: None,
        }
    }
}

/// The packet of a request that a fallback handles: an extension of the request.
#[derive(Debug, Clone)]
pub(in crate::server) struct Arrived {
    pub(in crate::server) packet: RequestPacket,
    pub(in crate::server) data: Option<RawJson>,
    pub(in crate::server) metadata: Option<RawJson>,
}

impl Arrived {
    /// Returns true if no layer has changed what the packet says. A request without metadata has
    /// not been changed: services of older majors drop it.
    fn is_unchanged(&self, request: &Request) -> bool {
        self.data == request.data && (request.metadata.is_none() || self.metadata == request.metadata)
    }
}

/// Nest's two kinds of packets from a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestKind {
    /// Sent with `send`: the packet has an id, and its replies carry that id.
    Message,
    /// Sent with `emit`: gets no reply.
    Event,
}
