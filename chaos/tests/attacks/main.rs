//! Attacks on our service, one test each. Memory and CPU time stay bounded, and an honest caller
//! receives replies all the time.
//!
//! The service has a process of its own, so that both can be measured. An attack's test sets the
//! limits that it needs as flags; all other settings are defaults. Bounds are generous: they
//! distinguish what grows with the attack from what does not.

mod bytes;
mod connections;
mod requests;
mod streams;
mod target;
