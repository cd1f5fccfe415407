//! nest-wire against real Nest, a topic a file. `README.md` tells what is tested where.

mod callers;
mod client;
mod client_links;
mod collation;
mod conformance;
mod congestion;
mod edge;
mod lifecycle;
mod limits;
mod majors;
mod oracle;
mod tutorial;
mod written;
