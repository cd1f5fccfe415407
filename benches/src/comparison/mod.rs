//! Ratios between contenders that took turns, and the table they are shown in.

mod outcome;
pub mod table;

pub use outcome::{Outcome, Round, Spread, Target, Unit};
