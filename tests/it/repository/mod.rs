//! What the repository promises about itself: its layers, its words, its documents.

mod documents;
mod knots;
mod layers;
mod prose;
pub(crate) mod protocol;
