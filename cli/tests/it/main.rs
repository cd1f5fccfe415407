//! The real binary, one topic a file. `demo` and `nest` need Node.

mod check;
mod command;
mod demo;
mod emit;
mod nest;
mod record;
mod replay;
mod running;
mod send;
mod statuses;
mod usage;
