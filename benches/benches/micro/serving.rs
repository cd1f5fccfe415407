//! A request through the whole server, without the system: reading, routing, handling, replying.

use divan::{Bencher, counter::ItemsCount};
use nest_wire_benches::serving::Serving;

/// Number of requests in one segment.
const IN_FLIGHT: usize = 64;

/// Serves the pattern as registered, and the same object spelled otherwise.
#[divan::bench(args = [r#""sum""#, r#"{"cmd":"sum"}"#, r#"{"cmd" : "sum"}"#])]
fn serve_64_requests(bencher: Bencher<'_, '_>, pattern: &str) {
    let mut serving = Serving::new(pattern, IN_FLIGHT, 0);
    bencher
        .counter(ItemsCount::new(IN_FLIGHT))
        .bench_local(|| serving.answer_segments(1));
}

#[divan::bench(args = [1, 10, 100, 1000, 10_000])]
fn serve_64_requests_among_routes(bencher: Bencher<'_, '_>, routes: usize) {
    let mut serving = Serving::new("\"sum\"", IN_FLIGHT, routes);
    bencher
        .counter(ItemsCount::new(IN_FLIGHT))
        .bench_local(|| serving.answer_segments(1));
}
