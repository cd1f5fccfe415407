//! The pattern of a contract, as a constant.

use crate::pattern::Pattern;

/// The pattern of a contract. A [`Pattern`] itself cannot be made in a constant, because it
/// allocates.
#[derive(Debug, Clone, Copy)]
pub(super) enum Name {
    Text(&'static str),
    Made(fn() -> Pattern),
}

impl Name {
    pub(super) fn pattern(self) -> Pattern {
        match self {
            Self::Text(text) => Pattern::from(text),
            Self::Made(make) => make(),
        }
    }
}
