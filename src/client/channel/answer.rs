//! What a call comes to.

use crate::{client::CallError, packet::RawJson};

/// What a waiting caller receives: a value, JavaScript's undefined (`None`), or the end.
pub(in crate::client) type Answer = Result<Option<RawJson>, CallError>;
