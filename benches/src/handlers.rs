//! The measured service. Its twin on real Nest is `node-harness/apps/bench-service.mjs`.

use std::{
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::stream;
use nest_wire::{
    packet::RawJson,
    pattern::Pattern,
    server::{Payload, ReplyStream, Router, State, handler::Handler},
};
use tokio::time::sleep;

/// Number of events since the last request for it.
type Events = Arc<AtomicU64>;

/// Registers all handlers.
#[must_use]
pub fn router() -> Router {
    Router::new()
        .message("sum", sum)
        .message(Pattern::object([("cmd", "sum")]), sum)
        .message("echo", echo)
        .message("tail", tail)
        .message("stream", stream)
        .message("wait", wait)
        .message("compute", compute.spawned())
        .event("log", log)
        .message("logged", logged)
        .with_state(Events::default())
}

/// Registers all handlers among this number of further routes.
#[must_use]
pub fn router_among(routes: usize) -> Router {
    let with_route = |router: Router, number| router.message(format!("route-{number}"), async || ());
    (0..routes).fold(router(), with_route)
}

/// Adds numbers.
pub async fn sum(Payload(numbers): Payload<Vec<f64>>) -> f64 {
    numbers.iter().sum()
}

async fn echo(data: RawJson) -> RawJson {
    data
}

/// Returns the last character of a string, which shows that the handler has received all of it.
async fn tail(data: RawJson) -> String {
    let text = data.as_str().trim_end_matches('"');
    text.chars().next_back().map_or_else(String::new, String::from)
}

/// Streams this number of numbers, from 1000 on.
async fn stream(Payload(count): Payload<u32>) -> ReplyStream {
    ReplyStream::new(stream::iter((0..count).map(|index| 1000 + index)))
}

async fn wait(Payload(value): Payload<f64>) -> f64 {
    sleep(Duration::from_millis(1)).await;
    value
}

async fn compute(Payload(rounds): Payload<u32>) -> u32 {
    computed(rounds)
}

/// Does work that cannot be optimised away: this number of rounds of a random number generator.
#[must_use]
pub fn computed(rounds: u32) -> u32 {
    (0..rounds).fold(1, |number: u32, _| {
        black_box(number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223))
    })
}

async fn log(State(events): State<Events>, Payload(text): Payload<String>) {
    black_box(text);
    events.fetch_add(1, Ordering::Relaxed);
}

async fn logged(State(events): State<Events>) -> u64 {
    events.swap(0, Ordering::Relaxed)
}
