//! The same random input for real Nest and for this crate, with the same results.
//!
//! Topics: JSON texts and the replies to them ([`echo`]), Rust types that read them ([`typed`]),
//! patterns and their routes ([`routes`]), byte streams of good and broken frames ([`frames`]
//! against Nest's framing, [`segments`] against whole services), and a service's replies to a
//! caller ([`answers`]).
//!
//! Every run tries the same input, unless these environment variables are set:
//!
//! - `NEST_WIRE_CASES=N` tries N cases in each suite that has fewer by default;
//! - `NEST_WIRE_SEED=N` tries other cases. A report of a difference names the seed and the number
//!   of the case.

mod answers;
mod base64;
mod cases;
#[path = "../../../examples/support/conformance.rs"]
mod conformance;
mod echo;
mod frames;
mod numbers;
mod peers;
mod routes;
mod script;
mod scripted_service;
mod segments;
mod streams;
mod texts;
mod typed;
