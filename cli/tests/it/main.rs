//! The real binary, one topic a file. `demo`, `nest` and `report_in_browser` need Node.

mod check;
mod command;
mod demo;
mod emit;
mod nest;
mod record;
mod replay;
mod report;
mod report_in_browser;
mod running;
mod send;
mod statuses;
mod traffic;
mod usage;
