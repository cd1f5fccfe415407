//! Why `JSON.parse` refuses a text.

use thiserror::Error;

use crate::json::nesting::MAX_DEPTH;

/// Why a text is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ParseError {
    /// The text ends where more is needed.
    #[error("unexpected end of JSON text at byte {offset}")]
    UnexpectedEnd {
        /// Where the text ends.
        offset: usize,
    },
    /// A character stands where the grammar has no place for it.
    #[error("unexpected {found:?} in JSON text at byte {offset}")]
    Unexpected {
        /// The character.
        found: char,
        /// Where it begins.
        offset: usize,
    },
    /// More than [`MAX_DEPTH`] arrays and objects are open.
    #[error("JSON text nested deeper than {MAX_DEPTH} at byte {offset}")]
    TooDeep {
        /// Where the one too many begins.
        offset: usize,
    },
}

impl ParseError {
    /// Returns what is wrong with what stands at this byte of the text.
    pub(super) fn at(text: &str, offset: usize) -> Self {
        match text[offset..].chars().next() {
            Some(found) => Self::Unexpected { found, offset },
            None => Self::UnexpectedEnd { offset },
        }
    }

    /// Returns the byte offset of the fault.
    #[must_use]
    pub fn offset(&self) -> usize {
        match *self {
            Self::UnexpectedEnd { offset } | Self::Unexpected { offset, .. } | Self::TooDeep { offset } => offset,
        }
    }
}
