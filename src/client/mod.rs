//! A client of microservices: the counterpart of Nest's `ClientProxy` over TCP, with timeouts.
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
//! A [`Client`] is a handle. Each connection is owned by one task, which the first call starts. The
//! rules are those of Nest's `client/client-tcp.js` and `client/client-proxy.js`
//! (`docs/PROTOCOL.md` §4).
//!
//! # Connections
//!
//! The first call or [`Client::connect`] opens a connection, and the next call after a loss opens
//! it again. [`ReconnectPolicy`] sets the number of attempts, the growing pauses between them, and
//! whether the client reconnects without a call. [`Client::state`] and [`Client::states`] return
//! the state and its reason. [`Client::close`] finishes the calls in progress. When a connection is
//! lost, calls without a reply fail with [`CallError::ConnectionClosed`]; calls that are not yet
//! written are sent on the next connection, or on another connection of the client if it has one.
//!
//! Connections can be of any kind ([`Target::connector`]), lead to several hosts
//! ([`ClientBuilder::build`]), or be several to one host ([`ClientBuilder::connections`]), which
//! then lead to different addresses of its name. Their addresses can come from a registry
//! ([`Target::resolver`]).
//!
//! Where hosts come and go, [`Target::discover_dns`] and [`Target::discover`] keep a connection to
//! each host that a DNS name or a registry has at the time: calls spread over all of them, new ones
//! get their share after the next question, and those that are gone finish their calls. Where a
//! balancer or a name chooses a host once for each connection, [`ClientBuilder::max_age`] replaces
//! connections from time to time, and loses no call by that.
//!
//! ```
//! use std::time::Duration;
//! use nest_wire::client::{Client, Target};
//!
//! // All pods of a headless Service, asked for every five seconds.
//! let users = Client::builder()
//!     .discover_interval(Duration::from_secs(5))
//!     .build(Target::discover_dns("users.default.svc:8888"))?;
//! // One connection through a balancer, another one every five minutes.
//! let orders = Client::builder().max_age(Duration::from_secs(300)).build("orders:8888")?;
//! # Ok::<(), nest_wire::client::BuildError>(())
//! ```
//!
//! # Limits
//!
//! Each call has a timeout. [`ClientBuilder::max_queued`] limits the packets that wait to be
//! written, and [`ClientBuilder::max_in_flight`] can limit the requests in flight. A call that
//! exceeds a limit waits or fails at once ([`OverloadPolicy`]).
//!
//! # Layers
//!
//! A client is a `tower::Service` of [`Request`]s, and [`StreamingClient`] is one for streams, so
//! that layers for timeouts, retries, load shedding and so on can be put around them.
//! [`CallError::is_unsent`] returns true for errors of calls that can be made again without doing
//! anything twice.
//!
//! Retries limited by a budget, around calls with a timeout of one second each:
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//! use nest_wire::client::{Reply, Request, CallError, Client};
//! use tower::{
//!     Service, ServiceBuilder, ServiceExt,
//!     retry::{Policy, budget::{Budget, TpsBudget}},
//! };
//!
//! /// Makes unsent calls again, as long as retries stay below a fifth of all calls.
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
mod pool;
mod reconnect;
mod state;

pub use builder::ClientBuilder;
pub use builder::error::BuildError;
pub use builder::target::Target;
pub use call::timeout_error::TimeoutError;
pub use config::OverloadPolicy;
pub use connect::address::AddressError;
pub use connect::error::ConnectError;
pub use error::{CallError, DisconnectReason};
pub use handle::Client;
pub use handle::forward::ForwardedReply;
pub use handle::message::MessageRequest;
pub use handle::reply_stream::ReplyStream;
pub use handle::request::RequestBuilder;
pub use handle::service::{Reply, Request, StreamingClient};
pub use reconnect::{ReconnectMode, ReconnectPolicy};
pub use state::{ConnectionState, StateStream};
