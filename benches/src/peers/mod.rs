//! The compared processes, each with a guard that ends it.
//!
//! They listen on a port of their own, die with this process, and run on their assigned cores.

mod cores;
mod driven;
mod server;

pub use cores::{Cores, Pinned};
pub use driven::Driven;
pub use server::{Binaries, Kind, Server};
