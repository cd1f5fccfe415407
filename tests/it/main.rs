//! Everything that can be tested without Node, one topic a file.

mod layers;
mod server_failures;
mod server_parameters;
mod server_requests;
mod server_streams;
mod support;
