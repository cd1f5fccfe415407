//! Contracts: a pattern and its types, written once, for the router that handles it and the client
//! that calls it.
//!
//! A library that both services depend on defines them as constants. A handler, a request or a
//! reply of another type is then a compile error. Nest services do not need contracts: a contract
//! changes nothing that is sent.
//!
//! ```
//! use nest_wire::{
//!     contract::{Event, Message},
//!     in_memory,
//!     pattern::Pattern,
//!     server::{Payload, Router},
//! };
//!
//! /// The sum of numbers.
//! const SUM: Message<Vec<f64>, f64> = Message::with_pattern(|| Pattern::object([("cmd", "sum")]));
//! /// The event of a new user, with the name as its data.
//! const USER_CREATED: Event<String> = Event::new("user_created");
//!
//! async fn sum(Payload(numbers): Payload<Vec<f64>>) -> f64 {
//!     numbers.iter().sum()
//! }
//!
//! async fn created(Payload(name): Payload<String>) {
//!     println!("{name}");
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), nest_wire::client::CallError> {
//! let router = Router::new().handle_message(SUM, sum).handle_event(USER_CREATED, created);
//! let client = in_memory::client(router);
//! let total = client.message(SUM, &vec![3.0, 5.0]).send().await?;
//! assert_eq!(total, 8.0);
//! client.emit_event(USER_CREATED, &"Ada".to_owned()).await?;
//! # Ok(()) }
//! ```
//!
//! A handler with other types does not compile:
//!
//! ```compile_fail,E0277
//! use nest_wire::{contract::Message, server::{Payload, Router}};
//!
//! const SUM: Message<Vec<f64>, f64> = Message::new("sum");
//! let router: Router = Router::new().handle_message(SUM, async |Payload(text): Payload<String>| text.len() as f64);
//! ```

#[cfg(feature = "schema")]
mod document;
mod event;
mod message;
mod name;
mod no_data;

#[cfg(feature = "schema")]
pub use document::Document;
pub use event::Event;
pub use message::Message;
pub use no_data::NoData;
