//! The real binary, one topic a file. Only `demo` needs Node.

mod check;
mod command;
mod demo;
mod emit;
mod record;
mod replay;
mod running;
mod send;
mod statuses;
mod usage;
