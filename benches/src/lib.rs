//! The parts of the benchmarks: a load generator, and the processes under load.
//!
//! - [`load`] sends requests and checks every reply. It depends on no benchmark and no server.
//! - [`handlers`] is the measured service.
//! - [`peers`] starts servers and clients as separate processes, on their assigned cores.
//! - [`comparison`] computes ratios of the contenders' figures and prints them.
//! - [`usage`] reads used CPU time and memory from the kernel.
//! - [`counted`] is the work whose instructions and allocations are counted.
//! - [`serving`] serves a connection by hand over [`replay`], which replaces the socket so that
//!   only our own code is counted.
//! - [`calling`] makes calls by hand, over a connection in memory.
//! - [`text`] is random text.
//! - [`descriptors`] and [`parent`] are what the servers need from the system.
//!
//! The benchmarks themselves are in `benches/benches`.

pub mod calling;
pub mod comparison;
pub mod counted;
pub mod descriptors;
pub mod handlers;
pub mod parent;
pub mod peers;
pub mod replay;
pub mod serving;
pub mod text;

pub use nest_wire_load::{exact as load, usage};
