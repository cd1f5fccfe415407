//! One trace through three processes: Nest's client, a service in Rust that makes a call, Nest's
//! service. In Node, OpenTelemetry's own API reads and writes the metadata of packets.

use compat_tests::{Environment, Implementation, NestClient};
use nest_wire::{
    client::Client,
    packet::RpcError,
    server::{Router, State, serve},
};
use nest_wire_harness::App;
use opentelemetry::{global, trace::TracerProvider};
use opentelemetry_sdk::{
    propagation::TraceContextPropagator,
    trace::{InMemorySpanExporter, SdkTracerProvider, SpanData},
};
use serde_json::{Value, json};
use tracing::{Level, level_filters::LevelFilter};
use tracing_subscriber::layer::SubscriberExt;

use crate::service::listener;

/// The middle hop: makes a call and replies with its result.
async fn hop(State(leaf): State<Client>) -> Result<Value, RpcError> {
    Ok(leaf.send("leaf", &0).await?)
}

fn named(spans: &[SpanData], name: &str) -> SpanData {
    let span = spans.iter().find(|span| span.name == name);
    span.unwrap_or_else(|| panic!("no {name} among {spans:#?}")).clone()
}

#[tokio::test]
async fn a_trace_crosses_the_wire_from_nest_to_us_and_on_to_nest() {
    global::set_text_map_propagator(TraceContextPropagator::new());
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(exporter.clone())
        .build();
    crate::log::ask_all_subscribers();
    let subscriber = tracing_subscriber::registry()
        .with(LevelFilter::from_level(Level::INFO))
        .with(tracing_opentelemetry::layer().with_tracer(provider.tracer("compat-tests")));
    let _guard = tracing::subscriber::set_default(subscriber);

    let environment = Environment::ready().await;
    let last = environment
        .start(App::TracedService, Implementation::Nest(12), &[])
        .await;
    let leaf = Client::new(last.address().to_string()).with_trace_context();
    let router = Router::new().message("hop", hop).trace_context().with_state(leaf);
    let (listener, port) = listener().await;
    tokio::spawn(serve(listener, router).into_future());

    let flags = ["--port", &port.to_string()];
    let mut first = NestClient::start_as(environment, App::TracedClient, 12, &flags).await;
    first.tell(&[json!({"pattern": "hop", "data": 0}).to_string()]).await;
    let heard = first.hear().await.expect("an answer");
    let asked: Value = serde_json::from_str(&heard).expect("JSON");
    let leaf = &asked["answer"];

    let spans = exporter.get_finished_spans().expect("spans");
    let (process, send) = (named(&spans, "process hop"), named(&spans, "send leaf"));
    let ids = |span: &SpanData| {
        let context = &span.span_context;
        [
            context.trace_id().to_string(),
            context.span_id().to_string(),
            span.parent_span_id.to_string(),
        ]
    };
    let [process_trace, process_span, process_parent] = ids(&process);
    let [send_trace, send_span, send_parent] = ids(&send);

    assert_eq!(asked["parent"], Value::Null, "it begins there: {heard}");
    assert_eq!(asked["trace"], process_trace, "{heard}");
    assert_eq!(asked["trace"], send_trace, "{heard}");
    assert_eq!(asked["trace"], leaf["trace"], "{heard}");
    assert_eq!(asked["span"], process_parent, "{heard}");
    assert_eq!(process_span, send_parent);
    assert_eq!(leaf["parent"], send_span, "{heard}");
    assert_eq!(leaf["state"], "vendor=1", "{heard}");
    assert!(process.parent_span_is_remote);
    assert_eq!(first.end().await, [""; 0]);
}
