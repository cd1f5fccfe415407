//! Ratios between contenders that took turns, and their table.

mod outcome;
pub mod table;

pub use outcome::{Outcome, Round, Spread, Target, Unit};
