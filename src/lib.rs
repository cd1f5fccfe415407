//! The TCP transport of NestJS microservices, byte for byte.

#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
pub mod client;
pub mod codec;
pub mod connection;
pub mod fixture;
pub mod js;
pub mod packet;
pub mod pattern;
pub mod server;
