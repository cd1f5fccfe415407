//! The `nest-wire` command, as a library so that its parts can be tested with the real peers.
//!
//! What was typed ([`Cli`]) is checked while it is parsed; one file a command says what it does, and one file what
//! each outcome means to a shell. Not a stable interface.

mod address;
mod args;
mod call;
mod check;
mod data;
pub mod demo;
mod emit;
mod failure;
pub mod harness;
mod send;

pub use args::Cli;
