//! What the repository promises about itself: its layers, its words, its documents.

mod documents;
mod layers;
pub(crate) mod protocol;
