//! The real binary, one topic a file. `contract`, `demo`, `nest`, `report_in_browser`, `screens` and `serve_nest` need Node.

mod bench;
mod bridge;
mod bridge_nest;
mod bridge_recordings;
mod captures;
mod check;
mod command;
#[path = "../../../examples/support/conformance.rs"]
mod conformance;
mod contract;
mod data;
mod demo;
mod documents;
mod drain;
mod emit;
mod every_command;
mod generated;
mod inspect;
mod lines;
mod memory;
mod mistakes;
mod moving;
mod nest;
mod new;
mod project;
mod protocols;
mod record;
mod replay;
mod report;
mod report_in_browser;
mod route;
mod running;
mod screens;
mod send;
mod serve;
mod serve_nest;
mod shadow;
mod statuses;
mod steps;
mod tls;
mod tool_mistakes;
mod traffic;
#[cfg(unix)]
mod unix_sockets;
mod usage;
mod verbose;
