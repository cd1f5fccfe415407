//! Everything that can be tested without Node, one topic a file.

mod layers;
mod server_closing;
mod server_congestion;
mod server_failures;
mod server_framing;
mod server_parameters;
mod server_requests;
mod server_streams;
mod server_timeouts;
mod support;
