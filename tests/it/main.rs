//! Everything that can be tested without Node, one topic a file.

mod client_congestion;
mod client_handles;
mod client_links;
mod client_replies;
mod client_requests;
mod client_timeouts;
mod layers;
mod protocol;
mod replay;
mod replay_caller;
mod replay_service;
mod server_accepting;
mod server_closing;
mod server_congestion;
mod server_depth;
mod server_failures;
mod server_framing;
mod server_layers;
mod server_listening;
mod server_parameters;
mod server_requests;
mod server_segments;
mod server_streams;
mod server_timeouts;
mod support;
mod unix_sockets;
