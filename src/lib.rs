//! The TCP transport of [NestJS microservices](https://docs.nestjs.com/microservices/basics), byte
//! for byte: a Rust service that Nest's callers can't distinguish from a Nest service, a client
//! that Nest's services can't distinguish from a Nest client.
//!
//! ```
//! use nest_wire::{
//!     client::Client,
//!     server::{HostListener, Payload, Router, serve},
//! };
//!
//! async fn sum(Payload(numbers): Payload<Vec<f64>>) -> f64 {
//!     numbers.iter().sum()
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = HostListener::bind("localhost:0").await?;
//! let address = listener.local_addrs()?[0];
//! tokio::spawn(serve(listener, Router::new().message("sum", sum)).into_future());
//!
//! let client = Client::new(address.to_string());
//! let total: f64 = client.send("sum", &[3, 5, 6]).await?;
//! assert_eq!(total, 14.0);
//! # Ok(()) }
//! ```
//!
//! # Layout
//!
//! - [`server`]: a router of async functions, as in axum, and the functions that serve it.
//! - [`client`]: a handle with `send`, `send_stream` and `emit`.
//! - [`contract`]: a pattern and its types, written once for both sides.
//! - [`in_memory`]: a client and a router connected without a socket, for tests.
//! - [`recording`]: recorded traffic, and a proxy that records it.
//! - [`connection`]: one connection, over any `AsyncRead + AsyncWrite`.
//! - [`codec`]: frames, as a tokio-util codec and as plain functions.
//! - [`packet`]: requests, events, replies and errors; [`mod@pattern`]: their addresses.
//! - `tls`: certificates, and the authorities to trust (feature `tls`).
//! - [`json`](mod@json): JSON as JavaScript reads and writes it.
//!
//! Lengths on the wire count UTF-16 units, neither bytes nor characters. The documentation of every
//! length and limit names its unit.
//!
//! # Features
//!
//! No feature is on by default.
//!
//! - `anyhow`: handlers may return `anyhow::Result`; callers receive "Internal server error", and
//!   the cause is logged.
//! - `chrono` and `time`: conversions between [`json::Date`] and the time types of these crates.
//! - `metrics`: connections, requests, durations and more are recorded with the recorder of the
//!   `metrics` crate.
//! - `otel`: `Router::trace_context` and `Client::with_trace_context`, which propagate
//!   OpenTelemetry's traces over the wire.
//! - `schema`: `contract::Document`, which makes an AsyncAPI document and TypeScript of contracts.
//! - `tls`: TLS and mutual TLS on both sides, with rustls; its cryptography is ring's, which needs
//!   a C compiler and nothing else. `tls-native-roots` and `tls-webpki-roots` add the authorities
//!   that the operating system or Mozilla trusts.
//! - `tower`: errors from tower's timeout and load-shed layers become descriptive replies.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(doctest, doc = include_str!("../README.md"))]

pub mod client;
pub mod codec;
mod compat;
pub mod connection;
pub mod contract;
pub mod forward;
// The library itself is built without its documents: a container's build context may not have them.
#[cfg(any(doc, doctest))]
pub mod guide;
pub mod in_memory;
pub mod json;
pub mod packet;
pub mod pattern;
pub mod recording;
pub mod server;
mod telemetry;
#[cfg(feature = "tls")]
pub mod tls;

pub use client::Client;
pub use compat::Compat;
pub use packet::RpcError;
pub use pattern::Pattern;
pub use server::{Payload, Router, serve};
