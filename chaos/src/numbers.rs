//! The number that each call carries, and the reply to it.
//!
//! `node-harness/chaos.mjs` computes the same replies.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Hands out unique numbers.
#[derive(Debug)]
pub struct Numbers(AtomicU64);

impl Numbers {
    /// Starts with the number 1.
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

/// Returns the only right reply to the call with this number. It is exact in JavaScript's numbers
/// up to 2^40.
#[must_use]
pub const fn answer(number: u64) -> u64 {
    (number * 7919 + 13) % 1_000_003
}
