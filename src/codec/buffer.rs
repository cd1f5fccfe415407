//! Text that has arrived and has not been taken out yet.
//!
//! Knows neither headers nor where texts end.

use bytestring::ByteString;

use super::utf16;

/// Grows at its end, and is taken from its front.
#[derive(Debug, Clone, Default)]
pub(super) struct Buffer {
    store: Store,
    /// How many bytes of the store have been taken.
    taken: usize,
    /// How many UTF-16 units the rest has, counted as they came: nothing is counted again on each
    /// read.
    units: usize,
}

#[derive(Debug, Clone)]
enum Store {
    /// Until something is taken out: a frame may arrive in a thousand pieces.
    Growing(String),
    /// From then on: what is taken out shares its memory.
    Shared(ByteString),
}

impl Default for Store {
    fn default() -> Self {
        Self::Growing(String::new())
    }
}

impl Buffer {
    pub(super) fn push(&mut self, text: &str) {
        self.units += utf16::units(text);
        match &mut self.store {
            Store::Growing(all) => all.push_str(text),
            Store::Shared(all) => {
                // No longer than the last piece: had it begun earlier, nothing would have been taken out since.
                self.store = Store::Growing([&all[self.taken..], text].concat());
                self.taken = 0;
            }
        }
    }

    pub(super) fn as_str(&self) -> &str {
        match &self.store {
            Store::Growing(all) => &all[self.taken..],
            Store::Shared(all) => &all[self.taken..],
        }
    }

    /// Its length in UTF-16 units.
    pub(super) fn units(&self) -> usize {
        self.units
    }

    /// Where its first `units` units end, in bytes; `None` if that is within a character.
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

    /// Takes out the first `bytes` bytes, which are `units` units.
    pub(super) fn take(&mut self, bytes: usize, units: usize) -> ByteString {
        let all = match std::mem::take(&mut self.store) {
            Store::Growing(all) => ByteString::from(all),
            Store::Shared(all) => all,
        };
        let start = self.taken;
        self.skip(bytes, units);
        let text = all.slice_ref(&all[start..self.taken]);
        if self.taken == all.len() {
            self.clear();
        } else {
            self.store = Store::Shared(all);
        }
        text
    }

    /// Drops everything, memory included: the peer may have filled it on purpose.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        match &self.store {
            Store::Growing(all) => all.capacity(),
            Store::Shared(all) => all.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_from_one_piece_shares_its_memory() {
        let mut buffer = Buffer::default();
        buffer.push("1求2");
        let first = buffer.take(4, 2);
        let second = buffer.take(1, 1);
        assert_eq!((&*first, &*second), ("1求", "2"));
        assert_eq!(second.as_ptr(), first.as_ptr().wrapping_add(4));
        assert_eq!((buffer.capacity(), buffer.units()), (0, 0));
    }

    #[test]
    fn what_is_left_of_one_piece_goes_on_in_the_next() {
        let mut buffer = Buffer::default();
        buffer.push("1求2");
        buffer.skip(1, 1);
        assert_eq!(buffer.take(3, 1), "求");
        buffer.push("3");
        assert_eq!((buffer.as_str(), buffer.units()), ("23", 2));
        assert_eq!(buffer.take(2, 2), "23");
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
            buffer.push(text);
            assert_eq!(buffer.end_of(units), end, "{units} of {text}");
        }
    }
}
