//! Attacks on our service, one test each: memory and CPU time stay bounded, and an honest caller is answered all the time.
//!
//! The service is a process of its own, so that both can be measured. Limits that an attack needs are flags in its test;
//! all else is at its default. Bounds are generous: they tell what grows with the attack from what does not.

mod bytes;
mod connections;
mod requests;
mod streams;
mod target;
