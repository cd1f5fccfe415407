//! The real binary, one topic a file. `contract_tests`, `demo`, `nest` and `report_in_browser` need Node.

mod broken_pipe;
mod captures;
mod check;
mod command;
mod contract_tests;
mod data;
mod demo;
mod documents;
mod emit;
mod generated;
mod lines;
mod memory;
mod mistakes;
mod nest;
mod protocols;
mod record;
mod replay;
mod report;
mod report_in_browser;
mod route;
mod running;
mod screens;
mod send;
mod signals;
mod statuses;
mod tls;
mod tool_mistakes;
mod traffic;
#[cfg(unix)]
mod unix_sockets;
mod usage;
mod verbose;
