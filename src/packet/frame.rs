//! A frame's text where it stands.

use bytestring::ByteString;

use super::RawJson;

/// The text of a frame and the memory it stands in, which is usually that of many. To look at a
/// packet takes no share of it; a share is taken of what is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame<'s> {
    memory: &'s ByteString,
    text: &'s str,
}

impl<'s> Frame<'s> {
    /// `text` is a part of `memory`.
    #[inline]
    pub(crate) fn new(memory: &'s ByteString, text: &'s str) -> Self {
        Self { memory, text }
    }

    #[inline]
    pub(crate) fn as_str(self) -> &'s str {
        self.text
    }

    /// Returns the JSON value that is a part of the text, or all of it.
    #[inline]
    pub(crate) fn keep(self, value: &str) -> RawJson {
        RawJson::slice_of(self.memory, value)
    }

    /// Returns the text by itself.
    pub(crate) fn to_text(self) -> ByteString {
        self.memory.slice_ref(self.text)
    }
}

impl<'s> From<&'s ByteString> for Frame<'s> {
    fn from(text: &'s ByteString) -> Self {
        Self::new(text, text)
    }
}
