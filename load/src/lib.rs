//! Load generators for Nest's TCP transport.
//!
//! - [`exact`] compares every reply byte by byte with the expected one: for the benchmarks, whose
//!   services are known.
//! - [`calls`] makes calls to any service, in a closed or an open loop, and reads each reply: for
//!   `nest-wire bench`.
//! - [`usage`] reads used CPU time and memory from the kernel.
//!
//! Both prepare the frames of requests in advance and leave a gap for the last digits of the id.

pub mod calls;
pub mod exact;
mod frame;
pub mod usage;
