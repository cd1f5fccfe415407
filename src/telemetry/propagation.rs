//! OpenTelemetry's context in the metadata of packets, as members whose values are texts: what the
//! API for JavaScript reads from `TcpContext.getMetadata()` and writes in a dispatch hook.
//!
//! In which format is the global propagator's business; W3C's has `traceparent` and `tracestate`.

use std::collections::HashMap;

use opentelemetry::{Context, global, propagation::Injector};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Returns what metadata has to carry for the service's spans to become children of `span`; or of
/// OpenTelemetry's own current span, if `span` is disabled. Nothing if there is neither.
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

/// Makes `span` a child of the span whose context `metadata` carries, or else a root: whatever it
/// was created in, it begins a trace of its own. Before the span is entered for the first time.
pub(crate) fn set_remote_parent(span: &Span, metadata: Option<&str>) {
    if span.is_disabled() {
        return;
    }
    let context = metadata.map_or_else(Context::new, extract);
    // It fails where no layer of OpenTelemetry looks at spans: then there is no trace.
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
        // A propagator writes its empty headers too.
        if !value.is_empty() {
            self.0.push((key.to_owned(), value));
        }
    }
}
