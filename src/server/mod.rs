//! A microservice: routes patterns to async functions and answers as Nest would.
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
//! A [`Handler`] is an async function: what it takes is made out of the request by extractors ([`FromRequest`]:
//! [`Payload`], [`State`], [`Metadata`], [`Context`], [`Extension`], or one's own), what it returns is an answer
//! ([`IntoReply`]), perhaps a stream ([`ReplyStream`]) or an error ([`IntoRpcError`]).
//!
//! # Layers
//!
//! Around a handler, or all of a router, go async functions ([`from_fn`]) and tower's layers ([`Router::layer`],
//! [`Handler::layer`]): timeouts, limits, load shedding. Panics are caught and requests traced without any.
//!
//! # Limits and shutdown
//!
//! What one connection may send and leave unread is limited as in Nest ([`Serve::transport`]), how many there may be and
//! what they may ask for at once if it is wanted ([`Serve::limits`]). [`Serve::with_graceful_shutdown`] stops accepting
//! and finishes what is in flight, within [`Serve::drain_timeout`].
//!
//! # Where links come from
//!
//! A [`HostListener`] on all addresses of a name, tokio's `TcpListener` and `UnixListener`, `TlsListener` around any of them
//! (feature `tls`), or one's own ([`Listener`]); a single link is [`serve_connection`]'s.
//!
//! # How it runs
//!
//! Each connection is one task. A handler's future is polled once where its request is read; only if it waits is it
//! set aside, so that a slow handler delays no other and a quick one costs no task. Rules: Nest's
//! `server/server-tcp.js` and `server/server.js` (`docs/PROTOCOL.md` §3).

mod contract;
mod extract;
mod handler;
mod limits;
mod listen;
mod reply;
mod request;
mod routing;
mod serve;
mod session;

/// What a connection or a layer leaves for handlers: at most one value of each type. It is that of the crate `http`.
pub use http::Extensions;

pub use contract::{ContractHandler, ReplyOf, ReplyStreamOf, RequestOf};
pub use extract::{Context, Extension, FromRef, FromRequest, Metadata, Part, Payload, Rejection, State};
pub use handler::layer::HandlerLayer;
pub use handler::middleware::{FromFn, FromFnLayer, Middleware, Next, from_fn, from_fn_with_state};
pub use handler::service::{HandlerFuture, HandlerService};
pub use handler::signature::Signature;
pub use handler::spawn::{Spawn, SpawnLayer, Spawned};
pub use handler::{Handler, Layered};
pub use limits::Limits;
pub use listen::Listener;
pub use listen::host::HostListener;
pub use listen::incoming::Incoming;
#[cfg(feature = "tls")]
pub use listen::tls::TlsListener;
pub use reply::into_reply::IntoReply;
pub use reply::into_rpc_error::IntoRpcError;
pub use reply::{Reply, ReplyStream};
pub use request::{Request, RequestKind};
pub use routing::Router;
pub use routing::into_routes::IntoRoutes;
pub use routing::table::Routes;
pub use serve::connection::{ServeConnection, ServingConnection, serve_connection};
pub use serve::shutdown_outcome::ShutdownOutcome;
pub use serve::{Serve, serve};
