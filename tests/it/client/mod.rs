//! The client, one topic per file.

mod ages;
mod builder;
mod closing;
mod congestion;
mod connections;
mod cuts;
mod deadlines;
mod detached;
mod discovery;
mod errors;
mod farewells;
mod first;
mod handles;
mod health;
mod hosts;
mod layers;
mod limits;
#[cfg(feature = "metrics")]
mod metrics;
mod moved_streams;
mod moves;
mod plugins;
mod replies;
mod requests;
mod restarts;
mod runtimes;
mod slow_connections;
mod slow_streams;
mod states;
mod stopping;
mod threads;
mod timeouts;
