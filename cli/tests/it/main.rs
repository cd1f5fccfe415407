//! The real binary, one topic a file. `contract`, `demo`, `nest` and `screens` need Node.

mod broken_pipe;
mod captures;
mod check;
mod command;
mod contract;
mod data;
mod demo;
mod documents;
mod emit;
mod generated;
mod lines;
mod mistakes;
mod nest;
mod project;
mod protocols;
mod record;
mod replay;
mod route;
mod running;
mod screens;
mod send;
mod signals;
mod statuses;
mod steps;
mod tls;
#[cfg(unix)]
mod unix_sockets;
mod usage;
mod verbose;
