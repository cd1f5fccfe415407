//! Services, one topic per file.

mod accepting;
mod closing;
mod congestion;
mod declining;
mod depth;
mod failures;
mod fairness;
mod faults;
mod framing;
mod handshakes;
mod layers;
mod limits_calls;
mod limits_connections;
mod limits_time;
mod listening;
#[cfg(feature = "metrics")]
mod metrics;
mod middleware;
mod order;
mod panics;
mod parameters;
mod requests;
mod segments;
mod shutdown;
mod streams;
mod timeouts;
mod without_connection;
mod writes;
