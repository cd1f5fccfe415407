//! Patterns, and the routes by which handlers are found.
//!
//! A [`Pattern`] is what a handler is registered for and what a call is sent to: a string, a number
//! or an object. Nest compares patterns by their [`Route`], a string that is the same however the
//! object's keys are ordered. A server reads a pattern that came in with [`IncomingPattern`],
//! which takes a detour of its own: an object and a string that holds the object's JSON text reach
//! the same handler, and the string `1e3` reaches the handler of `1000`.
//!
//! How a route is spelled changed once, with Nest 11: see [`Compat`](crate::Compat).
//!
//! ```
//! use nest_wire::{Compat, pattern::{IncomingPattern, Pattern}};
//!
//! let compat = Compat::default();
//! let pattern = Pattern::object([("cmd", "sum"), ("app", "math")]);
//! assert_eq!(pattern.to_json(), r#"{"cmd":"sum","app":"math"}"#);
//! assert_eq!(pattern.route(compat), r#"{"app":"math","cmd":"sum"}"#);
//!
//! let incoming = IncomingPattern::read(r#"{ "app": "math", "cmd": "sum" }"#, compat)?;
//! assert_eq!(incoming.route(), Some(&pattern.route(compat)));
//! # Ok::<(), nest_wire::json::ParseError>(())
//! ```

mod collation;
mod incoming;
mod outgoing;
mod pattern_macro;
mod route;
mod transform;

pub use incoming::IncomingPattern;
pub use outgoing::Pattern;
pub use route::Route;
