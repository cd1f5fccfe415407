//! Connections that arrive faster than a service can accept them.

use compat_tests::{Environment, Implementation};
use futures_util::future::join_all;
use nest_wire_harness::App;

use crate::{
    client_limits::signal,
    edge::{Caller, in_time},
};

/// Number of connections that can wait to be accepted by Node: `net.Server` requests a queue of
/// 511, and Linux adds one.
const CALLERS: usize = 512;

#[tokio::test]
async fn a_burst_of_connections_to_nest_waits_for_it() {
    burst(Implementation::Nest(12)).await;
}

#[tokio::test]
async fn a_burst_of_connections_to_us_waits_as_with_nest() {
    burst(Implementation::Rust).await;
}

async fn burst(make: Implementation) {
    let service = Environment::ready().await.start(App::Conformance, make, &[]).await;
    signal(&service, "-STOP").await;
    let callers = join_all((0..CALLERS).map(|_| Caller::of(service.address())));
    let mut callers = in_time(callers).await;
    signal(&service, "-CONT").await;
    join_all(callers.iter_mut().map(Caller::ping)).await;
}
