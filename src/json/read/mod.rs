//! Reading JSON text: what `JSON.parse` accepts, and where it stops.

pub(super) mod error;
mod lenient;
pub(super) mod members;
pub(super) mod parse;
mod scalar;
pub(super) mod scan;
pub(super) mod typed;
