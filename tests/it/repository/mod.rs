//! What the repository promises about itself: its layers, its words, its documents.

mod documents;
mod knots;
mod layers;
pub(crate) mod protocol;
