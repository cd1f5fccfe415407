//! A microservice: routes patterns to async functions and replies as Nest would.
//!
//! ```no_run
//! use nest_wire::server::{HostListener, Payload, Router, serve};
//!
//! async fn sum(Payload(numbers): Payload<Vec<f64>>) -> f64 {
//!     numbers.iter().sum()
//! }
//!
//! async fn log(Payload(text): Payload<String>) {
//!     println!("{text}");
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let router = Router::new().message("sum", sum).event("log", log);
//! serve(HostListener::bind("localhost:8888").await?, router).await;
//! # Ok(()) }
//! ```
//!
//! # Handlers
//!
//! A [`Handler`](handler::Handler) is an async function. Extractors
//! ([`FromRequest`](extract::FromRequest): [`Payload`], [`State`], [`Metadata`], [`Context`],
//! [`Extension`](extract::Extension), or your own) make its parameters from the request. It returns
//! a reply ([`IntoReply`](reply::IntoReply)), which may be a stream ([`ReplyStream`]) or an error
//! ([`IntoRpcError`](reply::IntoRpcError)).
//!
//! # Layers
//!
//! Async functions ([`from_fn`](middleware::from_fn)) and tower's layers ([`Router::layer`],
//! [`Handler::layer`](handler::Handler::layer)) wrap one handler or all of a router's: timeouts,
//! limits, load shedding. Panics are caught and requests are traced without any layer.
//!
//! # Limits and shutdown
//!
//! The data that a peer may send, or not read, is limited as in Nest
//! ([`Serve::transport`]). The number of connections and of requests in flight is limited only on
//! demand ([`Serve::limits`]). [`Serve::with_graceful_shutdown`] stops accepting and finishes what
//! is in flight, within [`Serve::drain_timeout`].
//!
//! # Sources of connections
//!
//! A [`HostListener`] listens on all addresses of a name. Tokio's `TcpListener` and `UnixListener`
//! are listeners too, `TlsListener` wraps any of them (feature `tls`), and
//! [`Listener`](listen::Listener) can be implemented for others. [`serve_connection`] serves a
//! single connection.
//!
//! # How it runs
//!
//! Each connection is one task. A handler's future is polled once where its request is read, and is
//! set aside only if it waits: a slow handler delays no other handler, and a quick one costs no
//! task. The rules are those of Nest's `server/server-tcp.js` and `server/server.js`
//! (`docs/PROTOCOL.md` §3).

pub mod contract;
pub mod exchange;
pub mod extract;
pub mod handler;
mod limits;
pub mod listen;
pub mod middleware;
pub mod reply;
mod request;
mod routing;
mod serve;
mod session;

/// Values that a connection or a layer passes to handlers, at most one of each type. Re-exported
/// from the crate `http`.
pub use http::Extensions;

pub use extract::{Context, Metadata, Payload, State};
pub use limits::Limits;
pub use listen::HostListener;
pub use reply::{Reply, ReplyStream};
pub use request::{Request, RequestKind};
pub use routing::Router;
pub use routing::into_routes::IntoRoutes;
pub use routing::table::Routes;
pub use serve::connection::{ServeConnection, ServingConnection, serve_connection};
pub use serve::shutdown_outcome::ShutdownOutcome;
pub use serve::{Serve, serve};
