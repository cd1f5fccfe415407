//! nest-wire against real Nest, a topic a file. `README.md` tells what is tested where.

mod client;
mod collation;
mod conformance;
mod lifecycle;
mod oracle;
mod tutorial;
mod written;
