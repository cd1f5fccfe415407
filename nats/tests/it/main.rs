//! Services and callers over a real NATS server.

mod calls;
mod draining;
mod faults;
mod link;
mod support;
