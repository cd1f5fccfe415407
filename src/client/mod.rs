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
//! A [`Client`] is a handle; one task per connection, started by the first call, owns the
//! connection. Rules: Nest's `client/client-tcp.js` and `client/client-proxy.js`
//! (`docs/PROTOCOL.md` §4).
//!
//! # Connections
//!
//! A connection is made by the first call, or by [`Client::connect`], and again by the next call
//! after a loss; [`ReconnectPolicy`] says how often to try, with pauses that grow, and whether to
//! come back unasked. [`Client::state`] and [`Client::states`] give its state and the reason.
//! [`Client::close`] finishes what is under way; calls that are not answered when a connection is
//! lost fail with [`CallError::ConnectionClosed`], those not yet written go out on the next
//! connection, or on another one if that is there.
//!
//! Connections may be of any kind ([`Target::connector`]), lead to several hosts
//! ([`ClientBuilder::build`]), be several to one host ([`ClientBuilder::connections`]), and their
//! addresses may come from a registry ([`Target::resolver`]).
//!
//! # Limits
//!
//! Each call has a timeout. How much waits to be written is bounded
//! ([`ClientBuilder::max_queued`]); how many requests are under way may be
//! ([`ClientBuilder::max_in_flight`]). Past a limit a call waits, or fails at once
//! ([`OverloadPolicy`]).
//!
//! # Layers
//!
//! A client is a `tower::Service` of [`Request`]s, and [`StreamingClient`] is one for streams, so
//! that timeouts, retries, load shedding and the like go around it. [`CallError::is_unsent`] says
//! which calls may be made again without doing anything twice.
//!
//! Retries that a budget bounds, around calls that get a second each:
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//! use nest_wire::client::{Reply, Request, CallError, Client};
//! use tower::{
//!     Service, ServiceBuilder, ServiceExt,
//!     retry::{Policy, budget::{Budget, TpsBudget}},
//! };
//!
//! /// Makes a call again of which nothing was sent, as long as retries stay a fifth of all calls.
//! #[derive(Clone)]
//! struct Unsent(Arc<TpsBudget>);
//!
//! impl Policy<Request, Reply, CallError> for Unsent {
//!     type Future = std::future::Ready<()>;
//!
//!     fn retry(&mut self, _: &mut Request, outcome: &mut Result<Reply, CallError>) -> Option<Self::Future> {
//!         match outcome {
//!             Err(error) if error.is_unsent() => self.0.withdraw().then(|| std::future::ready(())),
//!             _ => {
//!                 self.0.deposit();
//!                 None
//!             }
//!         }
//!     }
//!
//!     fn clone_request(&mut self, call: &Request) -> Option<Request> {
//!         Some(call.clone())
//!     }
//! }
//!
//! # use nest_wire::server::{HostListener, Payload, Router, serve};
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! # let listener = HostListener::bind("127.0.0.1:0").await?;
//! # let address = listener.local_addrs()?[0].to_string();
//! # let echo = async |Payload(text): Payload<String>| text;
//! # tokio::spawn(serve(listener, Router::new().message("echo", echo)).into_future());
//! let budget = Arc::new(TpsBudget::new(Duration::from_secs(10), 1, 0.2));
//! let mut users = ServiceBuilder::new()
//!     .timeout(Duration::from_secs(5))
//!     .retry(Unsent(budget))
//!     .concurrency_limit(100)
//!     .service(Client::new(address).with_timeout(Duration::from_secs(1)));
//! let answer = users.ready().await?.call(Request::new("echo", "hi")?).await?;
//! assert_eq!(answer.parse::<String>()?, "hi");
//! # Ok(()) }
//! ```

mod builder;
mod call;
mod channel;
mod config;
mod connect;
mod driver;
mod error;
mod handle;
mod overload;
mod pool;
mod reconnect;
mod state;

pub use builder::ClientBuilder;
pub use builder::error::BuildError;
pub use builder::target::Target;
pub use call::timeout_error::TimeoutError;
pub use connect::address::AddressError;
pub use connect::error::ConnectError;
pub use error::{CallError, DisconnectReason};
pub use handle::Client;
pub use handle::message::MessageRequest;
pub use handle::reply_stream::ReplyStream;
pub use handle::request::RequestBuilder;
pub use handle::service::{Reply, Request, StreamingClient};
pub use overload::OverloadPolicy;
pub use reconnect::{ReconnectMode, ReconnectPolicy};
pub use state::{ConnectionState, StateStream};
