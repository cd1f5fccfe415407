//! Traces that cross the wire, from our client to our server, with OpenTelemetry's own SDK.
//! `compat-tests` has the traces through Node.

use nest_wire::{
    client::{Client, Request, Target},
    server::{Metadata, Router, serve_connection},
};
use opentelemetry::{
    global,
    trace::{SpanId, SpanKind, Status, TracerProvider},
};
use opentelemetry_sdk::{
    propagation::TraceContextPropagator,
    trace::{InMemorySpanExporter, SdkTracerProvider, SpanData},
};
use serde_json::{Value, json};
use tokio::io::duplex;
use tower::{Service, ServiceExt};
use tracing::{Instrument, Level, info_span, level_filters::LevelFilter, subscriber::DefaultGuard};
use tracing_subscriber::layer::SubscriberExt;

/// The spans of this test's thread.
struct Spans {
    exporter: InMemorySpanExporter,
    _provider: SdkTracerProvider,
    _guard: DefaultGuard,
}

impl Spans {
    /// Starts recording as most services in production do: without spans for debugging.
    fn start() -> Self {
        global::set_text_map_propagator(TraceContextPropagator::new());
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder()
            .with_simple_exporter(exporter.clone())
            .build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        crate::support::ask_all_subscribers();
        let subscriber = tracing_subscriber::registry()
            .with(LevelFilter::from_level(Level::INFO))
            .with(layer);
        Self {
            exporter,
            _provider: provider,
            _guard: tracing::subscriber::set_default(subscriber),
        }
    }

    /// Returns the only span of that name.
    fn named(&self, name: &str) -> SpanData {
        let spans = self.exporter.get_finished_spans().expect("spans");
        let mut named = spans.iter().filter(|span| span.name == name);
        let span = named.next().unwrap_or_else(|| panic!("no {name} among {spans:#?}"));
        assert!(named.next().is_none(), "several {name}");
        span.clone()
    }

    fn count(&self) -> usize {
        self.exporter.get_finished_spans().expect("spans").len()
    }
}

async fn seen(metadata: Option<Metadata<Value>>) -> Option<Value> {
    metadata.map(|Metadata(metadata)| metadata)
}

fn client(router: impl Fn() -> Router + Clone + Send + Sync + 'static) -> Client {
    let connect = move || {
        let (ours, theirs) = duplex(64 * 1024);
        let routes = router().into_routes();
        tokio::spawn(async move { serve_connection(theirs, routes).await });
        async move { Ok(ours) }
    };
    Client::builder().build(Target::connector(connect)).expect("a client")
}

#[tokio::test(start_paused = true)]
async fn a_request_is_a_child_of_its_call_and_a_call_of_what_it_is_made_in() {
    let spans = Spans::start();
    let client = client(|| Router::new().message("seen", seen).trace_context()).with_trace_context();
    let client = client.with_metadata(&json!({"user": 7})).expect("metadata");
    let seen: Value = client
        .send("seen", &0)
        .instrument(info_span!("asking"))
        .await
        .expect("answered");
    client.close().await;
    let (asking, send, process) = (
        spans.named("asking"),
        spans.named("send seen"),
        spans.named("process seen"),
    );
    let trace = asking.span_context.trace_id();
    assert_eq!(
        (send.span_context.trace_id(), process.span_context.trace_id()),
        (trace, trace)
    );
    assert_eq!(send.parent_span_id, asking.span_context.span_id());
    assert_eq!(process.parent_span_id, send.span_context.span_id());
    assert_eq!(
        (send.span_kind.clone(), process.span_kind.clone()),
        (SpanKind::Producer, SpanKind::Consumer)
    );
    assert!(process.parent_span_is_remote && !send.parent_span_is_remote);
    let parent = format!("00-{trace}-{}-01", send.span_context.span_id());
    assert_eq!(seen, json!({"user": 7, "traceparent": parent}));
    assert_eq!(spans.count(), 3);
}

#[tokio::test(start_paused = true)]
async fn events_streams_and_calls_of_tower_s_carry_the_context_too() {
    let spans = Spans::start();
    let router = || {
        Router::new()
            .event("note", async || ())
            .message("stream", seen)
            .message("call", seen)
            .trace_context()
    };
    let mut client = client(router).with_trace_context();
    client.emit("note", &0).await.expect("sent");
    let values = client.send_stream::<Value>("stream", &0).await.expect("sent");
    let values: Vec<_> = futures_util::StreamExt::collect(values).await;
    assert_eq!(values.len(), 1);
    let call = Request::new("call", &0)
        .expect("a call")
        .with_metadata(&json!({"a": 1}));
    client.ready().await.expect("ready");
    client.call(call.expect("metadata")).await.expect("answered");
    client.close().await;
    for (out, inward) in [
        ("emit note", "process note"),
        ("send stream", "process stream"),
        ("send call", "process call"),
    ] {
        let (out, inward) = (spans.named(out), spans.named(inward));
        assert_eq!(out.parent_span_id, SpanId::INVALID);
        assert_eq!(inward.parent_span_id, out.span_context.span_id());
        assert_eq!(inward.span_context.trace_id(), out.span_context.trace_id());
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_is_traced_who_did_not_ask_for_it() {
    let spans = Spans::start();
    let plain = client(|| Router::new().message("seen", seen));
    assert_eq!(plain.send::<Option<Value>>("seen", &0).await.expect("answered"), None);
    plain.close().await;
    assert_eq!(spans.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_context_or_with_a_bad_one_begins_a_trace() {
    let spans = Spans::start();
    let client = client(|| Router::new().message("seen", seen).trace_context());
    for metadata in [
        json!({"traceparent": "no"}),
        json!({"traceparent": 7}),
        json!([1]),
        json!({"traceparent": "00-00000000000000000000000000000000-0000000000000000-01"}),
    ] {
        let client = client.with_metadata(&metadata).expect("metadata");
        client.send::<Option<Value>>("seen", &0).await.expect("answered");
        let span = spans.named("process seen");
        assert_eq!(span.parent_span_id, SpanId::INVALID);
        spans.exporter.reset();
    }
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_the_status_of_both_spans() {
    let spans = Spans::start();
    let panics = async || -> u32 { panic!("oh no") };
    let client = client(move || Router::new().message("panics", panics).trace_context()).with_trace_context();
    client.send::<u32>("panics", &0).await.expect_err("it panics");
    client.close().await;
    for (name, kind) in [("send panics", "error"), ("process panics", "panicked")] {
        let span = spans.named(name);
        assert!(matches!(span.status, Status::Error { .. }), "{span:?}");
        let error = span.attributes.iter().find(|it| it.key.as_str() == "error.type");
        assert_eq!(error.expect("a type").value.as_str(), kind);
    }
}
