//! The tracing span and the metrics of one client call.
//!
//! The names of the span's fields are those of OpenTelemetry's semantic conventions for messaging.

use std::{
    borrow::Cow,
    future::{Future, poll_fn},
    pin::Pin,
};

use tracing::{Span, field::Empty};

use crate::{
    client::{CallError, call::metadata::CallMetadata},
    packet::{CallId, Draft},
    telemetry::{CallMeter, CallMeters, Outcome, truncate_for_log},
};

/// The meters for all calls of a client.
#[derive(Debug)]
pub(in crate::client) struct Meters {
    messages: CallMeters,
    events: CallMeters,
}

/// Whether a call has a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::client) enum TracedKind {
    Message,
    Event,
}

impl Meters {
    pub(in crate::client) fn new() -> Self {
        Self {
            messages: CallMeters::of_kind("message"),
            events: CallMeters::of_kind("event"),
        }
    }

    fn begin(&self, kind: TracedKind) -> CallMeter {
        match kind {
            TracedKind::Message => self.messages.begin(),
            TracedKind::Event => self.events.begin(),
        }
    }
}

/// The span and meter of one call, until the call ends or is dropped.
#[derive(Debug)]
pub(in crate::client) struct CallTrace {
    span: Span,
    meter: CallMeter,
}

/// The fields are evaluated only if the span is enabled.
macro_rules! call_span {
    ($level:expr, $kind:ident, $draft:ident) => {{
        let operation = match $kind {
            TracedKind::Message => "send",
            TracedKind::Event => "emit",
        };
        tracing::span!(
            $level,
            "request",
            otel.name = tracing::field::display(format!("{operation} {}", truncate_for_log(&plain($draft.pattern())))),
            otel.kind = "producer",
            otel.status_code = Empty,
            messaging.system = "nestjs",
            messaging.operation.name = operation,
            messaging.operation.type = "send",
            messaging.destination.name = truncate_for_log(&plain($draft.pattern())),
            messaging.message.conversation_id = Empty,
            error.type = Empty,
        )
    }};
}

impl CallTrace {
    /// Begins the trace of a call with this metadata. Where the metadata passes the context on, the
    /// user has requested the span: it is not a detail for debugging.
    pub(in crate::client) fn begin(meters: &Meters, kind: TracedKind, draft: &Draft, metadata: &CallMetadata) -> Self {
        let span = match metadata.is_traced() {
            true => call_span!(tracing::Level::INFO, kind, draft),
            false => call_span!(tracing::Level::DEBUG, kind, draft),
        };
        let meter = meters.begin(kind);
        Self { span, meter }
    }

    /// Begins the meter of a call that is not made.
    pub(in crate::client) fn of_none(meters: &Meters, kind: TracedKind) -> Self {
        let (span, meter) = (Span::none(), meters.begin(kind));
        Self { span, meter }
    }

    /// Records the id of a request, which exists only once the request has been submitted. `id` is
    /// called only if the span is enabled.
    pub(in crate::client) fn identified(&self, id: impl FnOnce() -> Option<CallId>) {
        if self.span.is_disabled() {
            return;
        }
        if let Some(id) = id() {
            self.span
                .record("messaging.message.conversation_id", tracing::field::display(id));
        }
    }

    /// Polls `work` within the span, as `Instrument` does, but without moving it. Returns its
    /// output.
    pub(in crate::client) fn within<T>(&self, mut work: Pin<&mut impl Future<Output = T>>) -> impl Future<Output = T> {
        poll_fn(move |cx| {
            let _entered = self.span.enter();
            work.as_mut().poll(cx)
        })
    }

    pub(in crate::client) const fn span(&self) -> &Span {
        &self.span
    }

    pub(in crate::client) fn succeeded(&mut self) {
        self.meter.end(Outcome::Ok);
    }

    /// Records how the call ended.
    pub(in crate::client) fn ended<T>(&mut self, outcome: &Result<T, CallError>) {
        match outcome {
            Ok(_) => self.succeeded(),
            Err(error) => self.failed(error),
        }
    }

    pub(in crate::client) fn failed(&mut self, error: &CallError) {
        let outcome = match error {
            CallError::Rpc(_) | CallError::NoValue | CallError::Decode(_) => Outcome::Error,
            CallError::Connect(_) => Outcome::Unreachable,
            CallError::ConnectionClosed(_) => Outcome::Disconnected,
            CallError::Timeout(_) => Outcome::Timeout,
            CallError::Stopping => Outcome::Refused,
            CallError::Overloaded | CallError::StreamOverflow(_) => Outcome::Overloaded,
            CallError::Closed => Outcome::Closed,
            // These errors are found before anything is sent.
            CallError::MissingData | CallError::MissingPattern | CallError::Encode(_) | CallError::Unframeable(_) => {
                Outcome::Rejected
            }
        };
        self.span.record("error.type", outcome.name());
        self.span.record("otel.status_code", "ERROR");
        self.meter.end(outcome);
    }
}

/// Returns a pattern that is text as that text, and any other pattern as JSON.
fn plain(pattern: &str) -> Cow<'_, str> {
    match pattern.starts_with('"') {
        true => serde_json::from_str(pattern).map_or(Cow::Borrowed(pattern), Cow::Owned),
        false => Cow::Borrowed(pattern),
    }
}
