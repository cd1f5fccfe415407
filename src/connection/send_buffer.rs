//! The queue of bytes to be sent: small texts are gathered into one buffer, large ones are shared.
//!
//! This module knows neither frames nor connections.

use std::{collections::VecDeque, io::IoSlice};

use bytes::{Buf, Bytes, BytesMut};

/// Maximum capacity, in bytes, of the gathering buffer that is kept once all of it is sent.
const KEPT: usize = 16 * 1024;
/// Maximum number of pieces in one write.
pub(super) const PIECES: usize = 16;

/// Bytes in the order in which they are sent.
#[derive(Debug, Default)]
pub(super) struct SendBuffer {
    /// The bytes that are sent first, if a large text is among them. Boxed, because most
    /// connections never need it.
    closed: Option<Box<Closed>>,
    /// The bytes gathered after those in `closed`.
    gathered: BytesMut,
}

/// Large texts, which are shared instead of copied, and the bytes gathered between them.
#[derive(Debug, Default)]
struct Closed {
    pieces: VecDeque<Bytes>,
    /// The total length of the pieces, in bytes.
    length: usize,
}

impl SendBuffer {
    pub(super) fn len(&self) -> usize {
        self.closed.as_ref().map_or(0, |closed| closed.length) + self.gathered.len()
    }

    /// Returns the buffer to which bytes are appended.
    pub(super) fn gather(&mut self) -> &mut BytesMut {
        &mut self.gathered
    }

    /// Appends bytes without copying them.
    pub(super) fn share(&mut self, bytes: Bytes) {
        let closed = self.closed.get_or_insert_default();
        closed.push(self.gathered.split().freeze());
        closed.push(bytes);
    }

    /// Returns the whole queue if it is in one piece, that is, if it contains no large text.
    pub(super) fn as_one(&self) -> Option<&[u8]> {
        self.closed.is_none().then_some(&self.gathered)
    }

    /// Fills `slices` with the first pieces, at most `limit` bytes and [`PIECES`] pieces. Returns
    /// the number of pieces.
    pub(super) fn fill<'a>(&'a self, limit: usize, slices: &mut [IoSlice<'a>; PIECES]) -> usize {
        let closed = self.closed.iter().flat_map(|closed| &closed.pieces);
        let pieces = closed.map(|bytes| &bytes[..]).chain([&self.gathered[..]]);
        let mut left = limit;
        let pieces = pieces.map_while(|piece| {
            let within = &piece[..piece.len().min(left)];
            let is_reached = left == 0;
            left -= within.len();
            (!is_reached).then_some(within)
        });
        let filled = slices
            .iter_mut()
            .zip(pieces)
            .map(|(slice, piece)| *slice = IoSlice::new(piece));
        filled.count()
    }

    /// Drops the first `bytes` bytes.
    pub(super) fn advance(&mut self, mut bytes: usize) {
        if let Some(closed) = &mut self.closed {
            bytes -= closed.advance(bytes);
            if !closed.pieces.is_empty() {
                return;
            }
            self.closed = None;
        }
        self.gathered.advance(bytes);
    }

    /// Drops all but the first `bytes` bytes.
    pub(super) fn truncate(&mut self, bytes: usize) {
        match &mut self.closed {
            None => self.gathered.truncate(bytes),
            Some(closed) => {
                self.gathered.truncate(bytes.saturating_sub(closed.length));
                closed.truncate(bytes);
            }
        }
    }

    /// Releases unused memory of the gathering buffer if there is more than [`KEPT`] bytes of it.
    pub(super) fn release(&mut self) {
        if self.gathered.try_reclaim(KEPT + 1) {
            self.gathered = BytesMut::new();
        }
    }
}

impl Closed {
    fn push(&mut self, bytes: Bytes) {
        self.length += bytes.len();
        self.pieces.push_back(bytes);
    }

    /// Drops the first `bytes` bytes, or all if there are fewer. Returns the number of bytes
    /// dropped.
    fn advance(&mut self, bytes: usize) -> usize {
        let mut missing = bytes;
        while let Some(first) = self.pieces.front_mut() {
            let taken = missing.min(first.len());
            first.advance(taken);
            missing -= taken;
            if !first.is_empty() {
                break;
            }
            self.pieces.pop_front();
        }
        self.length -= bytes - missing;
        bytes - missing
    }

    fn truncate(&mut self, bytes: usize) {
        while self.length > bytes {
            let Some(mut last) = self.pieces.pop_back() else { break };
            let before = self.length - last.len();
            last.truncate(bytes.saturating_sub(before));
            self.length = before + last.len();
            if !last.is_empty() {
                self.pieces.push_back(last);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        Gather(Vec<u8>),
        Share(Vec<u8>),
        Advance(usize),
        Truncate(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        let bytes = proptest::collection::vec(any::<u8>(), 0..9);
        prop_oneof![
            bytes.clone().prop_map(Step::Gather),
            bytes.prop_map(Step::Share),
            (0..12_usize).prop_map(Step::Advance),
            (0..24_usize).prop_map(Step::Truncate),
        ]
    }

    proptest! {
        #[test]
        fn it_is_a_sequence_of_bytes(
            steps in proptest::collection::vec(step(), 0..14),
            limit in prop_oneof![0..30_usize, Just(usize::MAX)],
        ) {
            let (mut queue, mut plain) = (SendBuffer::default(), Vec::new());
            for step in steps {
                match step {
                    Step::Gather(bytes) => {
                        queue.gather().extend_from_slice(&bytes);
                        plain.extend(bytes);
                    }
                    Step::Share(bytes) => {
                        plain.extend_from_slice(&bytes);
                        queue.share(bytes.into());
                    }
                    Step::Advance(count) => {
                        let count = count.min(plain.len());
                        queue.advance(count);
                        plain.drain(..count);
                    }
                    Step::Truncate(count) => {
                        queue.truncate(count);
                        plain.truncate(count);
                    }
                }
                let mut slices = [IoSlice::new(&[]); PIECES];
                let count = queue.fill(limit, &mut slices);
                let sent: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.to_vec()).collect();
                let expected = plain.len().min(limit);
                prop_assert!(plain.starts_with(&sent) && sent.len() <= expected);
                prop_assert!(count == PIECES || sent.len() == expected);
                prop_assert_eq!(queue.len(), plain.len());
                prop_assert!(queue.as_one().is_none_or(|all| all == plain));
            }
        }
    }
}
