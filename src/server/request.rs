//! A message or event on its way to a handler.

use std::{net::SocketAddr, sync::Arc};

use http::Extensions;

use crate::{packet::RawJson, server::limits::Permit};

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

/// Nest's two kinds of packets from a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestKind {
    /// Sent with `send`: the packet has an id, and its replies carry that id.
    Message,
    /// Sent with `emit`: gets no reply.
    Event,
}
