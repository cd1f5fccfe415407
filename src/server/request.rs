//! A message or event on its way to a handler.

use std::{net::SocketAddr, sync::Arc};

use http::Extensions;

use crate::{packet::RawJson, server::limits::Permit};

/// A message or event, as handlers and extractors see it. `None` is JavaScript's undefined.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Request {
    /// Whether the caller waits for an answer.
    pub kind: RequestKind,
    /// The pattern as text: a string as it is, anything else as compact JSON (Nest's `TcpContext.getPattern()`).
    pub pattern: Option<Arc<str>>,
    /// The payload.
    pub data: Option<RawJson>,
    /// What the caller's instrumentation attached (Nest's `TcpContext.getMetadata()`).
    pub metadata: Option<RawJson>,
    /// Where the caller is, when the connection has an address.
    pub peer: Option<SocketAddr>,
    /// What layers leave for handlers, which take it with [`Extension`](crate::server::Extension): at most one value a type.
    pub extensions: Extensions,
    /// Counts the request as in flight; a task that goes on with it keeps a copy.
    pub(super) permit: Option<Permit>,
}

/// Nest's two kinds of packets from a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestKind {
    /// Sent with `send`: it has an id, and its replies carry it.
    Message,
    /// Sent with `emit`: nothing is answered.
    Event,
}
