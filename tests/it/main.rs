//! Everything that can be tested without Node, one topic a file.

mod advice;
mod client_closing;
mod client_congestion;
mod client_cuts;
mod client_handles;
mod client_health;
mod client_hosts;
mod client_layers;
mod client_limits;
mod client_links;
#[cfg(feature = "metrics")]
mod client_metrics;
mod client_moves;
mod client_replies;
mod client_requests;
mod client_restarts;
mod client_slow_links;
mod client_states;
mod client_threads;
mod client_timeouts;
mod custom_framing;
mod documents;
mod layers;
mod logs;
mod protocol;
mod replay;
mod replay_caller;
mod replay_service;
mod server_accepting;
mod server_closing;
mod server_congestion;
mod server_depth;
mod server_failures;
mod server_faults;
mod server_framing;
mod server_handshakes;
mod server_layers;
mod server_limits_calls;
mod server_limits_connections;
mod server_limits_time;
mod server_listening;
#[cfg(feature = "metrics")]
mod server_metrics;
mod server_middleware;
mod server_parameters;
mod server_requests;
mod server_segments;
mod server_shutdown;
mod server_streams;
mod server_timeouts;
mod support;
mod threads;
mod tls;
#[cfg(feature = "otel")]
mod traces;
mod unix_sockets;
