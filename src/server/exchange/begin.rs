//! Begins exchanges: asks a router's handlers without a connection.

use std::sync::Arc;

use crate::{
    json::push_quoted_str,
    packet::RawJson,
    pattern::Route,
    server::{
        Request, Routes,
        exchange::{
            Exchange, State,
            call::HandlerCall,
            log_context::LogContext,
            no_handler,
            trace::{RequestTrace, request_span},
        },
        routing::table::{Lookup, Match},
    },
    telemetry::Outcome,
};

impl Routes {
    /// Begins to handle `request` without a connection: for transports of your own, whose packets
    /// are Nest's. Returns the packets of its reply as a stream, which the handler runs in.
    ///
    /// The handler is the one that [`Request::pattern`] leads to, as for a packet with this pattern
    /// over TCP.
    ///
    /// ```
    /// use futures_util::StreamExt;
    /// use nest_wire::{packet::{RawJson, write_reply}, server::{Payload, Request, Router}};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), serde_json::Error> {
    /// let routes = Router::new()
    ///     .message("double", async |Payload(n): Payload<u32>| 2 * n)
    ///     .into_routes();
    /// let mut exchange = routes.exchange(Request::message("double", &21)?);
    /// let mut packets = Vec::new();
    /// while let Some(item) = exchange.next().await {
    ///     let mut packet = bytes::BytesMut::new();
    ///     write_reply(&mut packet, item.as_outgoing(), &RawJson::from_value("7")?);
    ///     packets.push(packet);
    /// }
    /// assert_eq!(packets, [r#"{"response":42,"isDisposed":true,"id":"7"}"#]);
    /// # Ok(()) }
    /// ```
    pub fn exchange(self: &Arc<Self>, request: Request) -> Exchange {
        let mut looked_up = Lookup::default();
        let text = request.pattern.as_deref().map(quoted);
        let found = self.find(text.as_deref(), &mut looked_up);
        self.begin(&found, request)
    }

    /// As [`exchange`](Self::exchange), with the handler that is registered for `route`, whatever
    /// the request's pattern is: for transports that find the handler themselves, by a subscription
    /// for example. A handler's [`Context`](crate::server::Context) has the pattern of the request.
    pub fn exchange_at(self: &Arc<Self>, route: &Route<'_>, request: Request) -> Exchange {
        self.begin(&self.find_route(route), request)
    }

    fn begin(&self, found: &Match<'_>, request: Request) -> Exchange {
        let origin = LogContext::of(&request).kept();
        let kind = request.kind;
        let state = match self.start(found, request) {
            Some(call) => State::Handling(call),
            None => {
                found.meters.count(Outcome::NoHandler);
                no_handler::report(kind, origin.get(), &self.throttles.no_handler);
                State::NoHandler
            }
        };
        Exchange { kind, origin, state }
    }

    /// Starts the handler that was found. Returns its call; `None` if there is no handler.
    pub(in crate::server) fn start(&self, found: &Match<'_>, request: Request) -> Option<HandlerCall> {
        let handler = found.handler?;
        let origin = LogContext::of(&request).kept();
        let metadata = request.metadata.as_ref().map(RawJson::as_str);
        let span = request_span(self, origin.get(), None, metadata);
        let trace = RequestTrace::new(span, found.meters.begin());
        Some(HandlerCall::new(request.kind, trace, origin.get(), || {
            handler.start(|| request, self.compat)
        }))
    }
}

/// Returns the pattern's text as it stands in a packet.
pub(in crate::server) fn quoted(pattern: &str) -> String {
    let mut text = String::new();
    push_quoted_str(pattern, &mut text);
    text
}
