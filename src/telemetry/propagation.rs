//! OpenTelemetry's context in the metadata of packets, as members with text values: the API for
//! JavaScript reads them from `TcpContext.getMetadata()` and writes them in a dispatch hook.
//!
//! The global propagator chooses the format; W3C's has `traceparent` and `tracestate`.

use std::collections::HashMap;

use opentelemetry::{Context, global, propagation::Injector};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Returns the members of the metadata that make the service's spans children of `span`, or of
/// OpenTelemetry's own current span if `span` is disabled. Returns no members if there is neither.
pub(crate) fn inject_context(span: &Span) -> Vec<(String, String)> {
    let context = if span.is_disabled() {
        Context::current()
    } else {
        span.context()
    };
    let mut members = Members(Vec::new());
    global::get_text_map_propagator(|propagator| propagator.inject_context(&context, &mut members));
    members.0
}

/// Makes `span` a child of the span with the context that `metadata` carries, or otherwise the root
/// of a trace of its own, whatever span it was created in. Call it before the span is entered for
/// the first time.
pub(crate) fn set_remote_parent(span: &Span, metadata: Option<&str>) {
    if span.is_disabled() {
        return;
    }
    let context = metadata.map_or_else(Context::new, extract);
    // This fails if no layer of OpenTelemetry processes spans: then there is no trace.
    let _ = span.set_parent(context);
}

fn extract(metadata: &str) -> Context {
    // Metadata that is no object carries no context.
    let members: HashMap<String, serde_json::Value> = serde_json::from_str(metadata).unwrap_or_default();
    let texts: HashMap<String, String> = members
        .into_iter()
        .filter_map(|(key, value)| match value {
            serde_json::Value::String(text) => Some((key.to_lowercase(), text)),
            _ => None,
        })
        .collect();
    global::get_text_map_propagator(|propagator| propagator.extract_with_context(&Context::new(), &texts))
}

struct Members(Vec<(String, String)>);

impl Injector for Members {
    fn set(&mut self, key: &str, value: String) {
        // A propagator also writes headers that are empty.
        if !value.is_empty() {
            self.0.push((key.to_owned(), value));
        }
    }
}
