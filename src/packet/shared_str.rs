//! Text that is cheap to keep and to clone, however long.
//!
//! Knows nothing of JSON.

use arrayvec::ArrayString;
use bytes::Bytes;
use bytestring::ByteString;

/// Up to how many bytes a text counts as small: as many as go into the room that a shared one takes
/// anyway.
const SMALL: usize = 20;

/// A small text is copied, which costs less than sharing does and keeps alive no frame that it was
/// a part of.
#[derive(Clone)]
pub(super) enum SharedStr {
    Small(ArrayString<SMALL>),
    Shared(ByteString),
}

impl SharedStr {
    /// Returns the same text in memory of its own.
    pub(super) fn copied(text: &str) -> Self {
        if text.len() > SMALL {
            return Self::Shared(text.into());
        }
        let mut small = ArrayString::new();
        small.push_str(text);
        Self::Small(small)
    }

    /// `part`, which is a part of `text`.
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

    /// Returns its bytes, shared if they are many.
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
