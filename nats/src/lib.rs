//! Routers and a client of [`nest_wire`] over NATS: Nest's NATS transport (`Transport.NATS`), on
//! both sides.
//!
//! A service:
//!
//! ```no_run
//! use nest_wire::server::{Payload, Router};
//!
//! async fn sum(Payload(numbers): Payload<Vec<f64>>) -> f64 {
//!     numbers.iter().sum()
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let nats = async_nats::connect("localhost:4222").await?;
//! let router = Router::new().message("sum", sum);
//! nest_wire_nats::serve(nats, router).queue("users").await?;
//! # Ok(()) }
//! ```
//!
//! A caller:
//!
//! ```no_run
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let client = nest_wire_nats::Client::new(async_nats::connect("localhost:4222").await?);
//! let sum: f64 = client.send("sum", &[1, 2, 3]).await?;
//! # Ok(()) }
//! ```
//!
//! The connection is your own [`async_nats::Client`]: authentication, TLS, clusters and
//! reconnecting are set there. The packets are those of the TCP transport (`server/server-nats.js`
//! and `client/client-nats.js` of Nest's `@nestjs/microservices`).
//!
//! # Differences to Nest
//!
//! Where Nest leaves its caller waiting, callers of a service here receive an error:
//!
//! - A reply that exceeds the server's maximum payload is replaced by an error that has both sizes.
//! - A message that is not JSON and has a reply subject is answered with an error.
//!
//! # Features of NATS
//!
//! - Patterns with wildcards (`user.*`, `deep.>`) are subscribed as they are. A handler's
//!   [`Context`](nest_wire::server::Context) has the subject of the message as its pattern.
//! - Headers are the [`Metadata`](nest_wire::server::Metadata) of a request, beside the metadata in
//!   the packet, and an [`Extension`](nest_wire::server::extract::Extension) of
//!   [`HeaderMap`](async_nats::HeaderMap).
//! - Without a [queue group](Serve::queue), every instance handles every message, as in Nest. A
//!   caller then takes the reply that ends first, and may receive the values of several streams
//!   mixed.

mod client;
mod metadata;
mod serve;
mod subject;

pub use client::{Client, error::CallError, forward::ForwardedReply, request::RequestBuilder, stream::ReplyStream};
pub use serve::{Serve, error::ServeError, outcome::ShutdownOutcome, serve, subscribed::Subscribed};
pub use subject::{InvalidSubject, subject};
