//! Faults, attacks and endurance runs that check the promises of `nest-wire`.
//!
//! [`proxy`] injects faults into TCP connections, [`serving`] is a service that keeps a journal of
//! the numbers it receives, [`caller`] makes calls with our client or with real Nest's.
//! [`scenarios`] combines them and checks every call. [`soak`] runs for a long time and watches
//! memory and descriptors. All random choices come from a seed; the timing varies.

pub mod caller;
pub mod child;
pub mod journal;
pub mod numbers;
pub mod process;
pub mod proxy;
pub mod scenarios;
pub mod serving;
pub mod soak;

pub use child::Child;
pub use journal::Journal;
