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
    client::CallError,
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

    pub(in crate::client) fn begin(&self, kind: TracedKind) -> CallMeter {
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

impl CallTrace {
    pub(in crate::client) const fn new(span: Span, meter: CallMeter) -> Self {
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

/// Returns the span for everything that is logged about one call.
pub(in crate::client) fn call_span(kind: TracedKind, draft: &Draft) -> Span {
    call_span!(tracing::Level::DEBUG, kind, draft)
}

/// Returns the span as [`call_span()`] does, for a client that passes its context on: the user has
/// requested the span, so it is not a detail for debugging.
#[cfg(feature = "otel")]
pub(in crate::client) fn traced_call_span(kind: TracedKind, draft: &Draft) -> Span {
    call_span!(tracing::Level::INFO, kind, draft)
}

/// Returns a pattern that is text as that text, and any other pattern as JSON.
fn plain(pattern: &str) -> Cow<'_, str> {
    match pattern.starts_with('"') {
        true => serde_json::from_str(pattern).map_or(Cow::Borrowed(pattern), Cow::Owned),
        false => Cow::Borrowed(pattern),
    }
}
