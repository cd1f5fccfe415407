//! Handlers of all kinds: at once and later, values and streams, errors, events.
//!
//! They have the names of the conformance service (`compat-tests/CONFORMANCE.md`), since the seeds
//! call these. All but one end within [`MAX_ANSWER`].

use std::{io, sync::Arc, time::Duration};

use futures_util::{StreamExt, stream};
use nest_wire::{
    json::Value,
    packet::RpcError,
    pattern::Pattern,
    server::{Context, Payload, Reply, ReplyStream, Router, Routes, handler::Handler, reply::IntoReply},
};
use serde::Deserialize;
use tokio::{task::yield_now, time::sleep};

/// The pattern of the handler whose stream lasts longer than any script.
pub(super) const LONG: &str = "ticks";
/// Maximum duration of a handler, its stream included.
pub(super) const MAX_ANSWER: Duration = Duration::from_secs(10);

/// The stream of an event goes on after its connection has ended. If it were endless, the session
/// would not end.
const LONG_SECONDS: u32 = 600;
/// Length of a large reply: two of them exceed the connection's capacity.
const LARGE_BYTES: usize = 40_000;
const MAX_PAUSE: Duration = Duration::from_secs(1);
const MAX_SLOW_VALUES: usize = 9;

pub(super) fn routes() -> Arc<Routes> {
    Router::new()
        .message("sum", sum)
        .message(Pattern::object([("cmd", "sum")]), sum)
        .message("echo", echo)
        .message("context", async |context: Context| {
            context.pattern.map(|pattern| pattern.to_string())
        })
        .message("ping", async || "pong")
        .message("nothing", async || ())
        .message("nil", async || None::<()>)
        .message("stream", async |Payload(values): Payload<Vec<Value>>| {
            ReplyStream::new(stream::iter(values))
        })
        .message("stream-slow", stream_slow)
        .message("stream-then-done", stream_slow)
        .message("stream-error", stream_error)
        .message(LONG, async || {
            ReplyStream::new(stream::iter(0..LONG_SECONDS).then(tick))
        })
        .message("rpc-error", rpc_error)
        .message("error", async || Err::<(), _>(io::Error::other("secret")))
        .message("delay", delay)
        .message("large", async || "x".repeat(LARGE_BYTES))
        .message("yields", yields)
        .message("spawned", yields.spawned())
        .message(42, async || "forty-two")
        .event("note", async || ())
        .event("note", async || sleep(MAX_PAUSE).await)
        .event("log", async |Payload(text): Payload<String>| drop(text))
        .into_routes()
}

type Data = Option<Payload<Value>>;

async fn sum(Payload(numbers): Payload<Vec<f64>>) -> f64 {
    numbers.iter().sum()
}

async fn echo(data: Data) -> Reply {
    data.map_or(Reply::Undefined, IntoReply::into_reply)
}

async fn yields() -> &'static str {
    for _ in 0..3 {
        yield_now().await;
    }
    "yielded"
}

async fn tick(number: u32) -> u32 {
    sleep(MAX_PAUSE).await;
    number
}

async fn rpc_error(data: Data) -> Result<(), RpcError> {
    Err(match data {
        Some(Payload(value)) => RpcError::from_value(&value)?,
        None => RpcError::without_message(),
    })
}

/// The payload of the slow handlers.
#[derive(Deserialize)]
struct Paced {
    #[serde(default)]
    ms: f64,
    #[serde(default)]
    values: Vec<Value>,
    value: Option<Value>,
}

impl Paced {
    fn pause(&self) -> Duration {
        Duration::try_from_secs_f64(self.ms / 1000.0)
            .unwrap_or_default()
            .min(MAX_PAUSE)
    }
}

async fn delay(Payload(paced): Payload<Paced>) -> Option<Value> {
    sleep(paced.pause()).await;
    paced.value
}

async fn stream_slow(Payload(paced): Payload<Paced>) -> ReplyStream {
    let pause = paced.pause();
    let values = stream::iter(paced.values).take(MAX_SLOW_VALUES);
    ReplyStream::new(values.then(move |value| async move {
        sleep(pause).await;
        value
    }))
}

async fn stream_error(Payload(paced): Payload<Paced>) -> ReplyStream {
    let values = stream::iter(paced.values).map(Ok::<_, RpcError>);
    ReplyStream::fallible(values.chain(stream::iter([Err(RpcError::new("no more"))])))
}
