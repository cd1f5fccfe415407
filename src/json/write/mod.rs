//! Writing JSON text: what `JSON.stringify` gives.

pub(super) mod number;
pub(super) mod quote;
pub(super) mod stringify;
pub(super) mod typed;
