//! Text that is cheap to keep and to clone, however long.
//!
//! This module does not know about JSON.

use arrayvec::ArrayString;
use bytes::Bytes;
use bytestring::ByteString;

/// Maximum size, in bytes, of a small text: the size that a shared text occupies anyway.
const SMALL: usize = 20;

/// Text that is copied if it is small and shared otherwise. Copying a small text costs less than
/// sharing it, and does not keep alive the frame that contains it.
#[derive(Clone)]
pub(super) enum SharedStr {
    Small(ArrayString<SMALL>),
    Shared(ByteString),
}

impl SharedStr {
    /// Returns the same text with its own memory.
    pub(super) fn copied(text: &str) -> Self {
        if text.len() > SMALL {
            return Self::Shared(text.into());
        }
        let mut small = ArrayString::new();
        small.push_str(text);
        Self::Small(small)
    }

    /// Returns `part`, which must be a part of `text`; unless it is small, it shares the memory of
    /// `text`.
    #[inline]
    pub(super) fn slice_of(text: &ByteString, part: &str) -> Self {
        if part.len() > SMALL {
            return Self::Shared(text.slice_ref(part));
        }
        let mut small = ArrayString::new();
        small.push_str(part);
        Self::Small(small)
    }

    #[inline]
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Small(text) => text,
            Self::Shared(text) => text,
        }
    }

    /// Returns the same text, shared unless it is small.
    pub(super) fn to_text(&self) -> ByteString {
        match self {
            Self::Small(text) => text.as_str().into(),
            Self::Shared(text) => text.clone(),
        }
    }

    /// Returns the bytes of the text, shared unless the text is small.
    pub(super) fn to_bytes(&self) -> Bytes {
        match self {
            Self::Small(text) => Bytes::copy_from_slice(text.as_bytes()),
            Self::Shared(text) => text.as_bytes().clone(),
        }
    }
}

impl PartialEq for SharedStr {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for SharedStr {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_text_takes_no_more_room_than_a_shared_one() {
        assert_eq!(size_of::<SharedStr>(), size_of::<ByteString>());
    }

    #[test]
    fn a_part_is_shared_only_if_it_is_not_small() {
        let frame = ByteString::from("x".repeat(100));
        for length in [0, 1, SMALL, SMALL + 1, 100] {
            let part = SharedStr::slice_of(&frame, &frame[..length]);
            assert_eq!(part.as_str(), &frame[..length]);
            assert!(part == SharedStr::copied(&frame[..length]));
            assert_eq!(part.to_bytes(), frame.as_bytes()[..length]);
            assert_eq!(part.as_str().as_ptr() == frame.as_ptr(), length > SMALL, "{length}");
        }
    }
}
