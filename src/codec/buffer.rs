//! The buffer of text that has arrived and has not been taken out yet.
//!
//! This module knows neither headers nor where texts end.

use std::ops::Range;

use bytestring::ByteString;

use super::utf16;

/// Text that is appended at the end and taken from the front.
#[derive(Debug, Clone, Default)]
pub(super) struct Buffer {
    /// The whole text until something is taken out, because a frame may arrive in a thousand
    /// pieces; empty afterwards.
    growing: String,
    /// The whole text afterwards, because texts that are taken out share its memory.
    shared: ByteString,
    /// The number of bytes of `shared` that have been taken.
    taken: usize,
    /// The length of the rest in UTF-16 units, counted on arrival so that no read counts anything
    /// again.
    units: usize,
}

impl Buffer {
    /// Reserves memory for `bytes` more bytes; `expected_units` is the total expected length in
    /// UTF-16 units.
    ///
    /// If much is expected, the buffer grows in fewer and larger steps than a `String` usually
    /// does, because each step copies the text. But the expected length is chosen by the peer, so
    /// the capacity is at most sixteen times what has arrived.
    pub(super) fn make_room(&mut self, bytes: usize, expected_units: usize) {
        if !self.shared.is_empty() {
            // The rest is no longer than the last piece: had it begun earlier, nothing would have
            // been taken out since.
            self.growing = String::with_capacity(self.shared.len() - self.taken + bytes);
            self.growing.push_str(&self.shared[self.taken..]);
            self.shared = ByteString::new();
            self.taken = 0;
        }
        let length = self.growing.len() + bytes;
        if length <= self.growing.capacity() {
            return;
        }
        if expected_units <= self.units {
            // In the steps of `String`, which double the capacity, so that even an endless sequence
            // of single bytes costs time proportional to its length.
            return self.growing.reserve(bytes);
        }
        // Assumes that the rest of the text resembles the part that has arrived.
        let bytes_per_unit = self.growing.len() as f64 / self.units.max(1) as f64;
        let expected = (expected_units as f64 * bytes_per_unit.max(1.0)) as usize;
        self.growing
            .reserve_exact(expected.clamp(length, 16 * length) - self.growing.len());
    }

    /// Appends text, for which memory should have been reserved.
    pub(super) fn push(&mut self, text: &str) {
        self.units += utf16::units(text);
        self.growing.push_str(text);
    }

    pub(super) fn as_str(&self) -> &str {
        let all = if self.growing.is_empty() {
            &self.shared
        } else {
            &*self.growing
        };
        &all[self.taken..]
    }

    /// Returns the length of the text in UTF-16 units.
    pub(super) fn units(&self) -> usize {
        self.units
    }

    /// Returns the byte index at which the first `units` units end, or `None` if that is inside a
    /// character.
    pub(super) fn end_of(&self, units: usize) -> Option<usize> {
        let text = self.as_str();
        let is_ascii = self.units == text.len();
        match units {
            units if is_ascii => Some(units),
            units if units == self.units => Some(text.len()),
            units => utf16::end_of(text.as_bytes(), units),
        }
    }

    /// Drops the first `bytes` bytes, which are `units` units.
    pub(super) fn skip(&mut self, bytes: usize, units: usize) {
        self.taken += bytes;
        self.units -= units;
    }

    /// Takes out the first `bytes` bytes, which are `units` units. Returns their range in `memory`,
    /// which is set to the shared buffer if it is not yet.
    #[inline]
    pub(super) fn take(&mut self, bytes: usize, units: usize, memory: &mut ByteString) -> Range<usize> {
        if !self.growing.is_empty() {
            self.shared = std::mem::take(&mut self.growing).into();
        }
        let text = self.taken..self.taken + bytes;
        let is_last = units == self.units;
        if memory.as_ptr() != self.shared.as_ptr() {
            *memory = if is_last {
                std::mem::take(&mut self.shared)
            } else {
                self.shared.clone()
            };
        }
        if is_last {
            self.clear();
        } else {
            self.skip(bytes, units);
        }
        text
    }

    /// Drops the text and releases its memory, because the peer may have filled it deliberately.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.growing.capacity() + self.shared.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(buffer: &mut Buffer, bytes: usize, units: usize) -> ByteString {
        let mut memory = ByteString::new();
        let text = buffer.take(bytes, units, &mut memory);
        memory.slice_ref(&memory[text])
    }

    fn push(buffer: &mut Buffer, text: &str, expected_units: usize) {
        buffer.make_room(text.len(), expected_units);
        buffer.push(text);
    }

    #[test]
    fn what_is_taken_from_one_piece_shares_its_memory() {
        let mut buffer = Buffer::default();
        push(&mut buffer, "1求2", 0);
        let first = take(&mut buffer, 4, 2);
        let second = take(&mut buffer, 1, 1);
        assert_eq!((&*first, &*second), ("1求", "2"));
        assert_eq!(second.as_ptr(), first.as_ptr().wrapping_add(4));
        assert_eq!((buffer.capacity(), buffer.units()), (0, 0));
    }

    #[test]
    fn what_is_left_of_one_piece_goes_on_in_the_next() {
        let mut buffer = Buffer::default();
        push(&mut buffer, "1求2", 0);
        buffer.skip(1, 1);
        assert_eq!(take(&mut buffer, 3, 1), "求");
        push(&mut buffer, "3", 0);
        assert_eq!((buffer.as_str(), buffer.units()), ("23", 2));
        assert_eq!(take(&mut buffer, 2, 2), "23");
    }

    #[test]
    fn room_is_made_for_what_is_expected_but_not_for_an_empty_promise() {
        let mut buffer = Buffer::default();
        let piece = "求".repeat(100);
        let mut rooms = Vec::new();
        for _ in 0..10 {
            push(&mut buffer, &piece, 1000);
            rooms.push(buffer.capacity());
        }
        assert_eq!(rooms, [1000, 1000, 1000, 3000, 3000, 3000, 3000, 3000, 3000, 3000]);

        let mut buffer = Buffer::default();
        push(&mut buffer, &piece, usize::MAX);
        assert_eq!(buffer.capacity(), 16 * piece.len());
    }

    #[test]
    fn room_for_single_bytes_is_made_seldom() {
        for expected_units in [0, 1, 5_000, 1_000_000] {
            let mut buffer = Buffer::default();
            let mut rooms = std::collections::BTreeSet::new();
            for _ in 0..10_000 {
                push(&mut buffer, "x", expected_units);
                rooms.insert(buffer.capacity());
            }
            assert!(rooms.len() <= 14, "{expected_units}: {rooms:?}");
        }
    }

    #[test]
    fn ends_are_found_whatever_the_text_holds() {
        for (text, units, end) in [
            ("abc", 2, Some(2)),
            ("é求", 2, Some(5)),
            ("é求", 1, Some(2)),
            ("a😀b", 2, None),
            ("a😀", 3, Some(5)),
        ] {
            let mut buffer = Buffer::default();
            push(&mut buffer, text, 0);
            assert_eq!(buffer.end_of(units), end, "{units} of {text}");
        }
    }
}
