//! The real binary, one topic a file. Only `demo` needs Node.

mod broken_pipe;
mod check;
mod command;
mod data;
mod demo;
mod documents;
mod emit;
mod generated;
mod lines;
mod mistakes;
mod protocols;
mod route;
mod send;
mod signals;
mod statuses;
mod tls;
#[cfg(unix)]
mod unix_sockets;
mod usage;
mod verbose;
