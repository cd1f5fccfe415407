//! The tracing span and the metrics of one request.
//!
//! The names of the span's fields are those of OpenTelemetry's semantic conventions for messaging.

use tracing::{Level, Span, field::Empty};

use crate::{
    packet::{ReplyId, RpcError},
    server::{
        Reply, Routes,
        exchange::{log_context::LogContext, panicked::Panicked},
        extract::Rejection,
    },
    telemetry::{CallMeter, Outcome, truncate_for_log},
};

/// One request's span and meter, from its first poll to its end.
#[derive(Debug)]
pub(in crate::server) struct RequestTrace {
    pub(in crate::server) span: Span,
    meter: CallMeter,
}

impl RequestTrace {
    #[inline]
    pub(in crate::server) const fn new(span: Span, meter: CallMeter) -> Self {
        Self { span, meter }
    }

    pub(in crate::server) const fn none() -> Self {
        Self::new(Span::none(), CallMeter::none())
    }

    /// Records a handler's reply. A stream has not ended with it.
    #[inline]
    pub(in crate::server) fn answered(&mut self, reply: &Reply) {
        match reply {
            Reply::Stream(_) | Reply::Items(_) => {}
            Reply::Error(error) => self.failed(error),
            Reply::Undefined | Reply::Value(_) => self.succeeded(),
        }
    }

    #[inline]
    pub(in crate::server) fn succeeded(&mut self) {
        self.meter.end(Outcome::Ok);
    }

    pub(in crate::server) fn failed(&mut self, error: &RpcError) {
        let outcome = match error.cause() {
            Some(cause) if cause.is::<Rejection>() => Outcome::Rejected,
            Some(cause) if cause.is::<Panicked>() => Outcome::Panicked,
            _ if error.is_no_handler() => Outcome::NoHandler,
            _ => Outcome::Error,
        };
        self.span.record("error.type", outcome.name());
        self.span.record("otel.status_code", "ERROR");
        self.meter.end(outcome);
    }
}

/// The fields are evaluated only if the span is enabled.
macro_rules! request_span {
    ($level:expr, $origin:ident, $id:ident) => {
        tracing::span!(
            $level,
            "request",
            otel.name = $origin.pattern().map(|pattern| tracing::field::display(format!("process {pattern}"))),
            otel.kind = "consumer",
            otel.status_code = Empty,
            messaging.system = "nestjs",
            messaging.operation.name = "process",
            messaging.operation.type = "process",
            messaging.destination.name = $origin.pattern(),
            messaging.message.conversation_id = $id.map(|id| truncate_for_log(id.as_str().trim_matches('"'))),
            network.transport = $origin.peer.map(|_| "tcp"),
            network.peer.address = $origin.peer.map(|peer| tracing::field::display(peer.ip())),
            network.peer.port = $origin.peer.map(|peer| peer.port()),
            error.type = Empty,
        )
    };
}

/// Returns the span of one request. If the router has `trace_context`, the span is part of the
/// caller's trace, and has the level `INFO` instead of `DEBUG`.
#[inline]
#[cfg_attr(not(feature = "otel"), expect(unused_variables, reason = "there are no traces"))]
pub(in crate::server) fn request_span(
    routes: &Routes,
    origin: LogContext<'_>,
    id: Option<&ReplyId<'_>>,
    metadata: Option<&str>,
) -> Span {
    #[cfg(feature = "otel")]
    if routes.trace_context {
        let span = request_span!(Level::INFO, origin, id);
        crate::telemetry::set_remote_parent(&span, metadata);
        return span;
    }
    request_span!(Level::DEBUG, origin, id)
}
