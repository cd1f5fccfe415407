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
//! A [`Client`] is a handle; one task, started by the first call, owns the link. Rules: Nest's
//! `client/client-tcp.js` and `client/client-proxy.js` (`docs/PROTOCOL.md` §4).

mod command;
mod config;
mod driver;
mod error;
mod handle;
mod link;
mod pending;
mod replies;
#[cfg(feature = "tls")]
mod tls;
#[cfg(unix)]
mod unix;

pub use config::Config;
pub use error::{CallError, Disconnected};
pub use handle::Client;
pub use replies::Replies;
