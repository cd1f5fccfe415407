//! The result of a call.

use crate::{client::CallError, packet::RawJson};

/// What a waiting caller receives: a value, JavaScript's undefined (`None`), or an error.
pub(in crate::client) type Answer = Result<Option<RawJson>, CallError>;
