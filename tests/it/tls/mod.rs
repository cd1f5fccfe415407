//! TLS on both sides.

mod calls;
mod discovered;
mod pinned;
mod refusals;
mod renewal;
