//! Patterns, and the routes by which handlers are found.
//!
//! A [`Pattern`] identifies a handler, both at its registration and in a call: it is a string, a
//! number or an object. Nest compares patterns by their [`Route`], a string that does not depend on
//! the order of the object's keys. A server reads a received pattern with [`IncomingPattern`],
//! which has rules of its own: an object and a string that contains the object's JSON text reach
//! the same handler, and the string `1e3` reaches the handler of `1000`.
//!
//! The spelling of routes changed once, in Nest 11: see [`Compat`](crate::Compat).
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
