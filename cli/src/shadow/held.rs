//! Requests and the packets of replies, held in memory until they are compared.

use std::{cell::Cell, rc::Rc};

/// Maximum size, in bytes, of one reply that is compared.
pub(super) const MAX_REPLY_BYTES: usize = 16 * 1024 * 1024;
/// Maximum size, in bytes, of all requests and replies that wait to be compared.
const MAX_BYTES: usize = 256 * 1024 * 1024;
/// What a packet counts beside its text.
const PACKET_BYTES: usize = 64;

/// The room for requests and replies.
#[derive(Debug, Clone, Default)]
pub(super) struct Room(Rc<Cell<usize>>);

/// The packets of one reply, in the order in which they came, or one request. They leave the room
/// when they are dropped.
#[derive(Debug)]
pub(super) struct Packets {
    texts: Vec<String>,
    bytes: usize,
    room: Room,
}

/// Why something cannot be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TooLarge {
    /// It is too large by itself.
    Alone,
    /// There is no room beside all others.
    Together,
}

impl Room {
    pub(super) fn packets(&self) -> Packets {
        Packets {
            texts: Vec::new(),
            bytes: 0,
            room: self.clone(),
        }
    }
}

impl Packets {
    pub(super) fn push(&mut self, text: &str) -> Result<(), TooLarge> {
        self.push_size(text.len())?;
        self.texts.push(text.to_owned());
        Ok(())
    }

    /// Takes room for a text that is held elsewhere.
    pub(super) fn push_size(&mut self, bytes: usize) -> Result<(), TooLarge> {
        let bytes = bytes + PACKET_BYTES;
        let held = self.room.0.get() + bytes;
        if self.bytes + bytes > MAX_REPLY_BYTES {
            return Err(TooLarge::Alone);
        }
        if held > MAX_BYTES {
            return Err(TooLarge::Together);
        }
        self.bytes += bytes;
        self.room.0.set(held);
        Ok(())
    }

    pub(super) fn texts(&self) -> &[String] {
        &self.texts
    }
}

impl Drop for Packets {
    fn drop(&mut self) {
        self.room.0.set(self.room.0.get() - self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_that_wait_have_a_limit_each_and_together() {
        let room = Room::default();
        let large = "x".repeat(MAX_REPLY_BYTES - PACKET_BYTES);
        let mut all = Vec::new();
        for _ in 0..MAX_BYTES / MAX_REPLY_BYTES {
            let mut packets = room.packets();
            assert_eq!(packets.push(&large), Ok(()));
            assert_eq!(packets.push(""), Err(TooLarge::Alone));
            all.push(packets);
        }
        assert_eq!(room.packets().push(""), Err(TooLarge::Together));
        all.pop();
        assert_eq!(room.packets().push(""), Ok(()));
        drop(all);
        assert_eq!(room.0.get(), 0);
    }
}
