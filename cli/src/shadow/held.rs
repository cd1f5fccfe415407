//! The packets of replies, held in memory until they are compared.

use std::{cell::Cell, rc::Rc};

/// Maximum size, in bytes, of one reply that is compared.
const MAX_REPLY_BYTES: usize = 16 * 1024 * 1024;
/// Maximum size, in bytes, of all replies that wait to be compared.
const MAX_BYTES: usize = 256 * 1024 * 1024;
/// What a packet counts beside its text.
const PACKET_BYTES: usize = 64;

/// The room for replies.
#[derive(Debug, Clone, Default)]
pub(super) struct Room(Rc<Cell<usize>>);

/// The packets of one reply, in the order in which they came. They leave the room when they are
/// dropped.
#[derive(Debug)]
pub(super) struct Packets {
    texts: Vec<String>,
    bytes: usize,
    room: Room,
}

/// The reply, or all of them, would need too much memory.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLarge;

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
        let bytes = text.len() + PACKET_BYTES;
        let held = self.room.0.get() + bytes;
        if self.bytes + bytes > MAX_REPLY_BYTES || held > MAX_BYTES {
            return Err(TooLarge);
        }
        self.bytes += bytes;
        self.room.0.set(held);
        self.texts.push(text.to_owned());
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
            assert_eq!(packets.push(""), Err(TooLarge));
            all.push(packets);
        }
        assert_eq!(room.packets().push(""), Err(TooLarge));
        all.pop();
        assert_eq!(room.packets().push(""), Ok(()));
        drop(all);
        assert_eq!(room.0.get(), 0);
    }
}
