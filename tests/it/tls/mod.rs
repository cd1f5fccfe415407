//! TLS on both sides.

mod calls;
mod pinned;
mod refusals;
mod renewal;
