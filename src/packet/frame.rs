//! A frame's text, borrowed from the buffer it arrived in.

use bytestring::ByteString;

use super::RawJson;

/// The text of a frame and the memory that contains it, which many frames usually share. Reading a
/// packet does not increase the memory's reference count; only the values that are kept do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame<'s> {
    memory: &'s ByteString,
    text: &'s str,
}

impl<'s> Frame<'s> {
    /// Returns the frame with this text, which is a part of `memory`.
    #[inline]
    pub(crate) fn new(memory: &'s ByteString, text: &'s str) -> Self {
        Self { memory, text }
    }

    #[inline]
    pub(crate) fn as_str(self) -> &'s str {
        self.text
    }

    /// Returns a JSON value that is a part of the text or all of it; the value shares the frame's
    /// memory.
    #[inline]
    pub(crate) fn keep(self, value: &str) -> RawJson {
        RawJson::slice_of(self.memory, value)
    }

    /// Returns the text as a string that shares the frame's memory.
    pub(crate) fn to_text(self) -> ByteString {
        self.memory.slice_ref(self.text)
    }
}

impl<'s> From<&'s ByteString> for Frame<'s> {
    fn from(text: &'s ByteString) -> Self {
        Self::new(text, text)
    }
}
