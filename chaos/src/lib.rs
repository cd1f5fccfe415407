//! Faults, attacks and endurance runs that check the promises of `nest-wire`.
//!
//! [`proxy`] injects faults into TCP connections, [`serving`] is a service that keeps a journal of what it has seen,
//! [`caller`] makes calls with our client or with real Nest's, [`scenarios`] puts them together and checks every call,
//! [`soak`] runs for long and watches memory and descriptors. Everything is drawn from a seed; real time varies.

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
