//! The same random input for real Nest and for this crate: both have to make the same of it.
//!
//! Topics: JSON texts and the replies to them ([`echo`]), what Rust types read in them ([`typed`]), patterns and their routes ([`routes`]), byte streams of good
//! and broken frames ([`frames`] against Nest's framing, [`segments`] against whole services), and what a service
//! may answer to a caller ([`answers`]).
//!
//! Every run tries the same input, unless these environment variables say otherwise:
//!
//! - `NEST_WIRE_CASES=N` tries N cases in each suite that has fewer by itself;
//! - `NEST_WIRE_SEED=N` tries other ones. A difference is reported with seed and number of its case.

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
