//! All tests that do not need Node, one topic per file.

mod advice;
mod client;
mod contracts;
mod custom_framing;
#[cfg(feature = "schema")]
mod documents_of_contracts;
mod faulty_framing;
mod logs;
mod replay;
mod repository;
mod server;
mod support;
mod threads;
mod tls;
#[cfg(feature = "otel")]
mod traces;
mod unix_sockets;
mod values;
