//! What one side sent, put in order.
//!
//! ```text
//!   delivered      hole       waiting          hole        end (FIN)
//!  ──────────────┬─────────┬────────────────┬────────────┬──────────►
//!               next                                      offset
//! ```
//!
//! A hole is waited for: the segment may come late, or again. It is declared missing when the peer
//! acknowledges bytes behind it, which a peer does only if it has them all; when too much waits; or
//! when the connection is over. A copy of bytes that are there already is dropped, even if it says
//! something else.

use std::collections::BTreeMap;

use bytes::Bytes;

/// Maximum size, in bytes, of what waits behind a hole.
pub(super) const MAX_WAITING_BYTES: usize = 1024 * 1024;
/// Maximum number of pieces that wait behind a hole.
pub(super) const MAX_WAITING_PIECES: usize = 1000;
/// Maximum distance between two segments that are on their way: the largest window of TCP.
const MAX_WINDOW: i64 = 1 << 30;

/// One direction of a connection.
///
/// Offsets are sequence numbers that do not wrap: the lower 32 bits are what the wire says. The
/// first is below 2^32.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// The offset up to which everything was delivered; none before the first segment.
    next: Option<i64>,
    /// The offset up to which the peer has everything.
    acknowledged: i64,
    /// Captured bytes at and behind `next`, by their offset. They do not overlap.
    waiting: BTreeMap<i64, Bytes>,
    /// Total size, in bytes, of `waiting`.
    waiting_bytes: usize,
    /// Ranges whose bytes were cut off. Captured bytes may overlap them and take precedence.
    cuts: BTreeMap<i64, Cut>,
    /// The offset at which the side closed its direction.
    end: Option<i64>,
    /// True if the end was delivered.
    has_ended: bool,
    /// True if no further segment will come.
    is_over: bool,
}

#[derive(Debug, Clone, Copy)]
struct Cut {
    end: i64,
    snap_length: u32,
}

/// The next that a side sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Bytes(Bytes),
    /// A number of bytes that are in no segment.
    Missing(u64),
    /// A number of bytes that the capture cut off.
    Cut {
        bytes: u64,
        snap_length: u32,
    },
    /// The side closed its direction.
    End,
}

impl Stream {
    /// Sets the sequence number of the first byte, unless it is known.
    pub(super) fn begin(&mut self, sequence: u32) {
        if self.next.is_none() {
            self.next = Some(sequence.into());
            self.acknowledged = sequence.into();
        }
    }

    /// Adds the payload of a segment, and the number of bytes that were cut off it.
    pub(super) fn push(&mut self, sequence: u32, payload: &[u8], cut: usize, snap_length: u32) {
        self.begin(sequence);
        let start = self.offset(sequence);
        let end = start + payload.len() as i64;
        self.keep(start, payload);
        let end_of_cut = end + cut as i64;
        if cut > 0 && Some(end_of_cut) > self.next {
            let longest = self
                .cuts
                .get(&end)
                .map_or(end_of_cut, |known| known.end.max(end_of_cut));
            self.cuts.insert(
                end,
                Cut {
                    end: longest,
                    snap_length,
                },
            );
        }
    }

    /// Takes note that the side sends nothing from this sequence number on.
    pub(super) fn close(&mut self, sequence: u32) {
        self.begin(sequence);
        let end = self.offset(sequence);
        if self.next.is_none_or(|next| next <= end) {
            self.end.get_or_insert(end);
        }
    }

    /// Takes note that the peer has everything before this sequence number.
    pub(super) fn acknowledge(&mut self, sequence: u32) {
        if self.next.is_some() && self.fits(sequence) {
            self.acknowledged = self.acknowledged.max(self.offset(sequence));
        }
    }

    /// Declares missing whatever lacks before what waits.
    pub(super) fn skip(&mut self) {
        if let Some((at, bytes)) = self.waiting.last_key_value() {
            self.acknowledged = self.acknowledged.max(at + bytes.len() as i64);
        }
    }

    /// Takes note that no further segment will come: whatever lacks is missing.
    pub(super) const fn finish(&mut self) {
        self.is_over = true;
    }

    /// Returns the next that is known, in order; `None` while it is waited for.
    pub(super) fn pop(&mut self) -> Option<Piece> {
        let next = self.next.filter(|_| !self.has_ended)?;
        if self.end.is_some_and(|end| end <= next) {
            self.has_ended = true;
            self.forget_waiting();
            return Some(Piece::End);
        }
        if let Some(bytes) = self.waiting.remove(&next) {
            self.waiting_bytes -= bytes.len();
            self.next = Some(next + bytes.len() as i64);
            return Some(Piece::Bytes(bytes));
        }
        let (end, piece) = match self.cut_at(next) {
            Some(Cut { end, snap_length }) => {
                let stops = self.first_waiting().into_iter().chain(self.end);
                let end = stops.fold(end, i64::min);
                let bytes = end.abs_diff(next);
                (end, Piece::Cut { bytes, snap_length })
            }
            None => {
                let end = self.end_of_hole(next)?;
                (end, Piece::Missing(end.abs_diff(next)))
            }
        };
        self.next = Some(end);
        Some(piece)
    }

    /// Returns true if the end was delivered.
    pub(super) const fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Returns the size, in bytes, of what waits.
    pub(super) const fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    /// Returns true if a segment of this stream can have this sequence number now.
    pub(super) fn fits(&self, sequence: u32) -> bool {
        self.is_near(sequence, MAX_WINDOW)
    }

    /// Returns true if this sequence number is within this distance of the next one.
    pub(super) fn is_near(&self, sequence: u32, distance: i64) -> bool {
        self.next
            .is_none_or(|next| (self.offset(sequence) - next).abs() <= distance)
    }

    /// Returns the offset with this sequence number that is nearest to the next one.
    fn offset(&self, sequence: u32) -> i64 {
        let next = self.next.unwrap_or(sequence.into());
        // The difference of two sequence numbers, modulo 2^32, has a sign if they are near.
        let distance = sequence.wrapping_sub(next as u32).cast_signed();
        next + i64::from(distance)
    }

    /// Keeps the part of a payload that is new.
    fn keep(&mut self, start: i64, payload: &[u8]) {
        let end = (start + payload.len() as i64).min(self.end.unwrap_or(i64::MAX));
        let before = self.waiting.range(..=start).next_back();
        let covered = before.map_or(i64::MIN, |(at, bytes)| at + bytes.len() as i64);
        let mut new = start.max(covered).max(self.next.unwrap_or(start));
        while new < end {
            let known = self.waiting.range(new..end).next();
            let known = known.map(|(at, bytes)| (*at, at + bytes.len() as i64));
            let (end_of_new, go_on) = known.unwrap_or((end, end));
            if new < end_of_new {
                let bytes = &payload[(new - start) as usize..(end_of_new - start) as usize];
                self.waiting_bytes += bytes.len();
                self.waiting.insert(new, Bytes::copy_from_slice(bytes));
            }
            new = go_on;
        }
    }

    /// Returns the range cut off that contains this offset.
    fn cut_at(&mut self, next: i64) -> Option<Cut> {
        while let Some(first) = self.cuts.first_entry() {
            if first.get().end > next {
                return (*first.key() <= next).then(|| *first.get());
            }
            first.remove();
        }
        None
    }

    /// Returns the end of the hole that begins here, if it is certain that it will stay.
    fn end_of_hole(&self, next: i64) -> Option<i64> {
        let ends = [self.first_waiting(), self.cuts.keys().next().copied(), self.end];
        let pieces = self.waiting.len() + self.cuts.len();
        let is_too_much = self.waiting_bytes > MAX_WAITING_BYTES || pieces > MAX_WAITING_PIECES;
        match ends.into_iter().flatten().min() {
            Some(end) => (self.is_over || is_too_much || self.acknowledged >= end).then_some(end),
            // The peer has bytes that no segment shows. One more byte than was sent is the number
            // that a FIN takes: then it is the FIN that was not captured.
            None => (self.is_over && self.acknowledged > next + 1).then_some(self.acknowledged),
        }
    }

    fn first_waiting(&self) -> Option<i64> {
        self.waiting.keys().next().copied()
    }

    fn forget_waiting(&mut self) {
        self.waiting.clear();
        self.waiting_bytes = 0;
        self.cuts.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream whose first byte has this sequence number.
    fn stream(sequence: u32) -> Stream {
        let mut stream = Stream::default();
        stream.begin(sequence);
        stream
    }

    impl Stream {
        fn add(&mut self, sequence: u32, payload: &[u8]) {
            self.push(sequence, payload, 0, 0);
        }

        fn pieces(&mut self) -> Vec<Piece> {
            std::iter::from_fn(|| self.pop()).collect()
        }
    }

    fn bytes(bytes: &'static [u8]) -> Piece {
        Piece::Bytes(Bytes::from_static(bytes))
    }

    #[test]
    fn segments_in_another_order_are_put_in_order() {
        let mut stream = stream(0);
        stream.add(3, b"lo");
        assert!(stream.pieces().is_empty());
        stream.add(0, b"hel");
        assert_eq!(stream.pieces(), [bytes(b"hel"), bytes(b"lo")]);
        assert_eq!(stream.waiting_bytes(), 0);
    }

    #[test]
    fn sequence_numbers_wrap() {
        let mut stream = stream(u32::MAX - 1);
        stream.add(1, b"lo");
        stream.add(u32::MAX - 1, b"hel");
        assert_eq!(stream.pieces(), [bytes(b"hel"), bytes(b"lo")]);
        stream.close(3);
        assert_eq!(stream.pieces(), [Piece::End]);
    }

    #[test]
    fn the_first_copy_wins_where_segments_overlap() {
        let mut stream = stream(0);
        stream.add(2, b"22");
        stream.add(6, b"66");
        stream.add(1, b"xxxxxxxx");
        stream.add(0, b"0yyy");
        assert_eq!(
            stream.pieces(),
            [
                bytes(b"0"),
                bytes(b"x"),
                bytes(b"22"),
                bytes(b"xx"),
                bytes(b"66"),
                bytes(b"x")
            ]
        );
        stream.add(12, b"cccc");
        stream.add(14, b"vvvv");
        stream.add(0, b"zzzzzzzzzz");
        assert_eq!(stream.pieces(), [bytes(b"z")]);
        stream.add(10, b"ww");
        assert_eq!(stream.pieces(), [bytes(b"ww"), bytes(b"cccc"), bytes(b"vv")]);
    }

    #[test]
    fn probes_of_an_idle_peer_are_dropped() {
        let mut stream = stream(0);
        stream.add(0, b"hello");
        assert_eq!(stream.pieces(), [bytes(b"hello")]);
        stream.add(4, b"\0");
        stream.add(4, b"");
        assert!(stream.pieces().is_empty());
    }

    #[test]
    fn a_probe_of_a_full_window_brings_its_byte_once() {
        let mut stream = stream(0);
        stream.add(0, b"h");
        stream.add(0, b"h");
        stream.add(0, b"hello");
        assert_eq!(stream.pieces(), [bytes(b"h"), bytes(b"ello")]);
    }

    #[test]
    fn a_hole_is_missing_once_the_peer_acknowledges_what_lies_behind() {
        let mut stream = stream(0);
        stream.add(3, b"lo");
        stream.acknowledge(2);
        assert!(stream.pieces().is_empty(), "the rest of the hole may still come");
        stream.acknowledge(5);
        assert_eq!(stream.pieces(), [Piece::Missing(3), bytes(b"lo")]);
        stream.add(0, b"hel");
        assert!(stream.pieces().is_empty(), "too late");
    }

    #[test]
    fn an_acknowledgment_captured_before_its_segment_declares_nothing() {
        let mut stream = stream(0);
        stream.acknowledge(5);
        assert!(stream.pieces().is_empty());
        stream.add(0, b"hello");
        assert_eq!(stream.pieces(), [bytes(b"hello")]);
    }

    #[test]
    fn what_the_peer_has_and_no_segment_shows_is_missing_at_the_end() {
        let mut stream = stream(0);
        stream.acknowledge(5);
        stream.finish();
        assert_eq!(stream.pieces(), [Piece::Missing(5)]);
    }

    #[test]
    fn the_number_that_an_end_takes_is_no_missing_byte() {
        let mut stream = stream(0);
        stream.add(0, b"hello");
        stream.acknowledge(6);
        stream.finish();
        assert_eq!(stream.pieces(), [bytes(b"hello")]);
    }

    #[test]
    fn an_end_behind_a_hole_waits_for_it() {
        let mut stream = stream(0);
        stream.close(5);
        assert!(stream.pieces().is_empty());
        stream.add(0, b"he");
        assert_eq!(stream.pieces(), [bytes(b"he")]);
        stream.acknowledge(6);
        assert_eq!(stream.pieces(), [Piece::Missing(3), Piece::End]);
        assert!(stream.has_ended());
        stream.add(5, b"more");
        assert!(stream.pieces().is_empty());
    }

    #[test]
    fn what_waits_behind_a_hole_is_bounded_in_size() {
        let mut stream = stream(0);
        let payload = vec![b'x'; 10_000];
        let mut largest = 0;
        let mut pieces = Vec::new();
        for index in 0..200 {
            stream.add(1 + index * 10_000, &payload);
            pieces.extend(stream.pieces());
            largest = largest.max(stream.waiting_bytes());
        }
        assert!(largest <= MAX_WAITING_BYTES, "{largest}");
        assert_eq!(pieces[0], Piece::Missing(1));
        assert_eq!(pieces.len(), 201);
    }

    #[test]
    fn what_waits_behind_a_hole_is_bounded_in_number() {
        let mut stream = stream(0);
        for index in 0..MAX_WAITING_PIECES as u32 {
            stream.add(10 + index * 2, b"x");
            assert!(stream.pieces().is_empty());
        }
        stream.add(10_000, b"y");
        assert_eq!(stream.pieces(), [Piece::Missing(10), bytes(b"x")]);
        for index in 0..3 * MAX_WAITING_PIECES as u32 {
            stream.push(20_000 + index * 2, b"", 1, 96);
            stream.pieces();
            assert!(stream.waiting.len() + stream.cuts.len() <= MAX_WAITING_PIECES);
        }
    }

    #[test]
    fn bytes_that_were_cut_off_give_way_to_a_copy_that_was_not() {
        let mut stream = stream(0);
        stream.push(2, b"", 6, 96);
        stream.add(5, b"567");
        stream.add(0, b"01");
        let cut = Piece::Cut {
            bytes: 3,
            snap_length: 96,
        };
        assert_eq!(stream.pieces(), [bytes(b"01"), cut, bytes(b"567")]);
    }

    #[test]
    fn of_two_copies_that_were_cut_off_the_longer_one_counts() {
        let mut stream = stream(0);
        stream.push(2, b"", 6, 96);
        stream.push(2, b"", 3, 96);
        stream.add(0, b"01");
        let cut = Piece::Cut {
            bytes: 6,
            snap_length: 96,
        };
        assert_eq!(stream.pieces(), [bytes(b"01"), cut]);
    }

    #[test]
    fn a_segment_farther_away_than_any_window_does_not_fit() {
        let stream = stream(0);
        assert!(stream.fits(1 << 30) && stream.fits(u32::MAX));
        assert!(!stream.fits((1 << 30) + 1) && !stream.fits(1 << 31));
    }
}
