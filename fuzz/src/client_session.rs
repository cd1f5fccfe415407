//! Stub.
/// Stub.
pub fn client_session(_input: &[u8]) {}
