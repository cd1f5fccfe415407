//! A load generator for Nest's TCP transport that checks every reply.
//!
//! It depends on no benchmark. Its input is an address, a number of connections, the number of
//! requests in flight on each, and the request with its replies ([`Exchange`]). Its output is a
//! count, times and latencies ([`Report`]). Frames are made in advance and ids have a fixed width,
//! so that a reply costs the generator little more than a comparison of bytes.
//!
//! All connections run on the thread that drives them, so the thread's CPU time is the generator's.
//!
//! ```
//! use nest_wire::server::{HostListener, Payload, Router, serve};
//! use nest_wire_load::exact::{Exchange, Load, Shape, Until};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = HostListener::bind("127.0.0.1:0").await?;
//! let address = listener.local_addrs()?[0];
//! let router = Router::new().message("sum", async |Payload(numbers): Payload<Vec<f64>>| numbers.iter().sum::<f64>());
//! tokio::spawn(serve(listener, router).into_future());
//!
//! let exchange = Exchange::request("\"sum\"", "[1,2,3]").answered("6");
//! let shape = Shape { connections: 2, in_flight: 8 };
//! let report = Load::connect(address, shape, &exchange).await?.run(Until::Count(100)).await?;
//! assert_eq!(report.exchanges, 100);
//! # Ok(()) }
//! ```

mod connection;
mod error;
mod exchange;
mod report;
mod run;

pub use error::LoadError;
pub use exchange::{Exchange, Segments};
pub use report::Report;
pub use run::{Load, Shape, Until};
