//! A caller of microservices: what Nest's `ClientProxy` over TCP is, with timeouts.
//!
//! ```no_run
//! use nest_wire::client::Client;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), nest_wire::client::CallError> {
//! let client = Client::new("localhost:8888");
//! client.emit("log", "求和").await?;
//! let sum: f64 = client.send("sum", &[1, 2, 3]).await?;
//! # assert_eq!(sum, 6.0);
//! # Ok(()) }
//! ```
//!
//! A [`Client`] is a handle; one task per link, started by the first call, owns the link. Rules: Nest's
//! `client/client-tcp.js` and `client/client-proxy.js` (`docs/PROTOCOL.md` §4).
//!
//! # Links
//!
//! A link is made by the first call, or by [`Client::connect`], and again by the next call after a loss; [`Reconnect`]
//! says how often to try, with pauses that grow, and whether to come back unasked. [`Client::state`] and
//! [`Client::states`] tell how it stands and why. [`Client::close`] finishes what is under way; calls that are not
//! answered when a link is lost fail with [`CallError::ConnectionClosed`], those not yet written go out on the next
//! link.
//!
//! Links may be anything ([`Client::with_connector`]), lead to several hosts ([`Client::with_hosts`]), be several to
//! one host ([`Config::connections`]), and their addresses may come from a registry ([`Client::with_resolver`]).
//!
//! # Limits
//!
//! Each call has a timeout. How much waits to be written is bounded ([`Config::max_queued`]); how many requests are
//! under way may be ([`Config::max_in_flight`]). Past a limit a call waits, or fails at once ([`WhenFull`]).

mod calls;
mod clerk;
mod config;
mod desk;
mod driver;
mod error;
mod guard;
mod handle;
mod limit;
mod link;
mod making;
mod member;
mod members;
mod metadata;
mod papers;
mod queue;
mod reconnect;
mod replies;
mod service;
mod stage;
mod state;
mod tcp;
mod timer;
#[cfg(feature = "tls")]
mod tls;
#[cfg(unix)]
mod unix;
mod waiter;
mod watch;

pub use config::{Config, WhenFull};
pub use error::{CallError, Disconnected};
pub use handle::Client;
pub use reconnect::{Reconnect, When};
pub use replies::Replies;
pub use service::{Answer, Call, Streaming};
pub use state::{State, States};
