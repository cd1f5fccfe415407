//! The `nest-wire` command, as a library so that its parts can be tested with the real peers.
//!
//! Not a stable interface.

pub mod harness;
