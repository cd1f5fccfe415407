//! Calls to any service, over connections that are already open.
//!
//! In a *closed loop* a call begins when an earlier one has ended: a service that stalls is asked
//! nothing meanwhile, so its stall counts once for each call in flight. In an *open loop* calls
//! begin when they are due, whatever the service does, and their latency counts from then: a
//! stall shows in every call that was due during it, as callers would feel it.
//!
//! Time is tokio's, so that a test can pause it.

mod alarm;
mod connection;
mod plan;
mod run;
mod schedule;
mod slots;
mod tally;

pub use connection::Ended;
pub use plan::{Call, Pace, Plan, Timers};
pub use run::{Calls, Until};
pub use tally::{Fault, Lost, Tally};
