//! Real Nest processes and our own example services, as child processes.
//!
//! This crate finds `node-harness/`, installs its packages once, builds the examples, and starts
//! services that end with their guard.

mod error;
mod examples;
mod folder;
mod install;
mod nats;
mod process;
mod tool;

pub use error::HarnessError;
pub use examples::Examples;
pub use folder::{App, Harness};
pub use install::Progress;
pub use nats::NatsServer;
pub use process::Service;
