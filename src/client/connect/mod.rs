//! How connections to a service are made.

pub(in crate::client) mod address;
pub(in crate::client) mod error;
pub(in crate::client) mod host;
pub(in crate::client) mod race;
pub(in crate::client) mod tcp;
