//! Checks of the repository itself: its layers, its words, its documents.

mod crates;
mod documents;
mod knots;
mod layers;
mod prose;
pub(crate) mod protocol;
