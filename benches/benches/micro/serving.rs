//! A request's whole way through the server, but for the system: read, routed, handled, answered.

use divan::{Bencher, counter::ItemsCount};
use nest_wire_benches::serving::Serving;

/// How many requests come in one segment.
const IN_FLIGHT: usize = 64;

/// As it was registered, as the same object spelled otherwise, and past a great many other routes.
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
