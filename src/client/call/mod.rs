//! The parts of one call: its packet, metadata, deadline and trace.

pub(in crate::client) mod deadline;
pub(in crate::client) mod metadata;
pub(in crate::client) mod outgoing;
pub(in crate::client) mod timeout_error;
pub(in crate::client) mod trace;
