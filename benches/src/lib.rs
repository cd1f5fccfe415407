//! What the benchmarks are made of: a load generator, and the processes that it is put on.
//!
//! - [`load`] sends requests and checks every answer; it knows no benchmark and no server.
//! - [`handlers`] is the service that is measured.
//! - [`peers`] starts servers and clients as processes of their own, on the cores they are given.
//! - [`comparison`] makes ratios of what contenders came to, and prints them.
//! - [`usage`] reads from the kernel what they have used.
//! - [`counted`] is what instructions and allocations are counted of.
//! - [`serving`] serves a connection by hand over [`replay`], which stands in for a socket where nothing but our own code is to be counted.
//! - [`calling`] calls by hand, over a link in memory.
//! - [`text`] is random text.
//! - [`descriptors`] and [`parent`] are what the servers need of the system.
//!
//! The benchmarks themselves are in `benches/benches`.

pub mod calling;
pub mod comparison;
pub mod counted;
pub mod descriptors;
pub mod handlers;
pub mod load;
pub mod parent;
pub mod peers;
pub mod replay;
pub mod serving;
pub mod text;
pub mod usage;
