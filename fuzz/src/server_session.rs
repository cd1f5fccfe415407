//! Stub.
/// Stub.
pub fn server_session(_input: &[u8]) {}
