//! The number that each call carries, and the answer to it.
//!
//! `node-harness/chaos.mjs` computes the same answers.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Hands out numbers, each of them once.
#[derive(Debug)]
pub struct Numbers(AtomicU64);

impl Numbers {
    /// The first number is 1.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicU64::new(1))
    }

    /// Returns a number that no other call has.
    pub fn next(&self) -> u64 {
        self.0.fetch_add(1, Relaxed)
    }
}

impl Default for Numbers {
    fn default() -> Self {
        Self::new()
    }
}

/// The only right answer to the call with this number. It is exact in JavaScript's numbers up to 2^40.
#[must_use]
pub const fn answer(number: u64) -> u64 {
    (number * 7919 + 13) % 1_000_003
}
