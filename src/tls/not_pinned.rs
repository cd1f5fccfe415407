//! The error of a certificate that is not pinned.

/// The peer has shown a certificate that is not pinned.
#[derive(Debug, thiserror::Error)]
#[error("the certificate is none of those that are pinned")]
pub(super) struct NotPinned;
