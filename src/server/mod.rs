//! A microservice: routes patterns to async functions and answers as Nest would.
//!
//! ```no_run
//! use nest_wire::server::{Listener, Payload, Router, serve};
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
//! serve(Listener::bind("localhost:8888").await?, router).await;
//! # Ok(()) }
//! ```
//!
//! # Handlers
//!
//! A [`Handler`] is an async function: what it takes is made out of the request by extractors ([`FromRequest`]:
//! [`Payload`], [`State`], [`Metadata`], [`Context`], [`Extension`], or one's own), what it returns is an answer
//! ([`IntoReply`]), perhaps a stream ([`Values`]) or an error ([`IntoRpcError`]).
//!
//! # Layers
//!
//! Around a handler, or all of a router, go async functions ([`from_fn`]) and tower's layers ([`Router::layer`],
//! [`Handler::layer`]): timeouts, limits, load shedding. Panics are caught and requests traced without any.
//!
//! # Limits and shutdown
//!
//! What one connection may send and leave unread is limited as in Nest ([`Serve::connection`]), how many there may be and
//! what they may ask for at once if it is wanted ([`Serve::limits`]). [`Serve::with_graceful_shutdown`] stops accepting
//! and finishes what is in flight, within [`Serve::drain_timeout`].
//!
//! # Where links come from
//!
//! A [`Listener`] on all addresses of a name, tokio's `TcpListener` and `UnixListener`, `TlsListener` around any of them
//! (feature `tls`), or one's own ([`Accept`]); a single link is [`serve_connection`]'s.
//!
//! # How it runs
//!
//! Each connection is one task. A handler's future is polled once where its request is read; only if it waits is it
//! set aside, so that a slow handler delays no other and a quick one costs no task. Rules: Nest's
//! `server/server-tcp.js` and `server/server.js` (`docs/PROTOCOL.md` §3).

mod accept;
mod accepted;
mod attendance;
mod back_off;
mod bindable;
mod call;
mod contract;
mod coop;
mod endpoint;
mod events;
mod extract;
mod handled;
mod handler;
mod handshake;
mod into_reply;
mod into_routes;
mod into_rpc_error;
mod layered;
mod limits;
mod listener;
mod middleware;
mod panics;
mod reply;
mod request;
mod router;
mod routes;
mod serialized_replies;
mod serve;
mod serve_connection;
mod service;
mod session;
mod signature;
mod spawned;
mod streaming;
mod tcp;
#[cfg(feature = "tls")]
mod tls;
#[cfg(unix)]
mod unix;
mod warnings;
mod watch;

/// What a connection or a layer leaves for handlers: at most one value of each type. It is that of the crate `http`.
pub use http::Extensions;

pub use accept::Accept;
pub use accepted::Accepted;
pub use contract::{ContractHandler, ReplyOf, RequestOf, ValuesOf};
pub use endpoint::{Endpoint, EndpointFuture};
pub use extract::{Context, Extension, FromRef, FromRequest, Metadata, Part, Payload, Rejection, State};
pub use handler::Handler;
pub use into_reply::IntoReply;
pub use into_routes::IntoRoutes;
pub use into_rpc_error::IntoRpcError;
pub use layered::{HandlerLayer, Layered};
pub use limits::Limits;
pub use listener::Listener;
pub use middleware::{FromFn, FromFnLayer, Middleware, Next, from_fn, from_fn_with_state};
pub use reply::{Reply, Values};
pub use request::{Kind, Request};
pub use router::Router;
pub use routes::Routes;
pub use serve::{Ending, Serve, serve};
pub use serve_connection::{ServeConnection, ServingConnection, serve_connection};
pub use signature::Signature;
pub use spawned::{Spawn, SpawnLayer, Spawned};
#[cfg(feature = "tls")]
pub use tls::TlsListener;
