//! The packets that wait to be written. Independent of connections and pending calls.

use std::collections::VecDeque;

use simdutf8::basic::from_utf8;

use crate::{
    client::channel::pending::call::CallKey,
    packet::{CallId, Draft},
};

/// Maximum size of a packet that shares a buffer with other packets, in bytes.
const GATHERED: usize = 1024;
/// Capacity to which the shared buffer is shrunk, in bytes.
const KEPT: usize = 256 * 1024;

/// A queue of packets. Small packets share one buffer, so most packets need no allocation.
#[derive(Debug, Default)]
pub(in crate::client) struct OutboundQueue {
    packets: VecDeque<Packet>,
    gathered: Vec<u8>,
    /// Number of bytes at the start of `gathered` that have been taken.
    taken: usize,
}

#[derive(Debug)]
struct Packet {
    key: CallKey,
    text: PacketText,
}

#[derive(Debug)]
enum PacketText {
    /// Number of bytes of the packet in `gathered`.
    Gathered(usize),
    Own(Vec<u8>),
}

impl OutboundQueue {
    pub(in crate::client) fn push(&mut self, key: CallKey, draft: &mut Draft, id: Option<CallId>) {
        let text = if draft.len() <= GATHERED {
            self.shift();
            let start = self.gathered.len();
            draft.finish_into(id, &mut self.gathered);
            PacketText::Gathered(self.gathered.len() - start)
        } else {
            PacketText::Own(draft.finish(id))
        };
        self.packets.push_back(Packet { key, text });
    }

    /// Appends a packet that was [taken](Self::take) but not written.
    pub(in crate::client) fn push_back(&mut self, key: CallKey, text: Vec<u8>) {
        self.packets.push_back(Packet {
            key,
            text: PacketText::Own(text),
        });
    }

    /// Takes gathered packets in their order, at least one and until `most` bytes are reached, and
    /// passes each to `each`. A packet with a buffer of its own ends this. Returns such a packet
    /// instead if it is at the front.
    pub(in crate::client) fn take(
        &mut self,
        most: usize,
        mut each: impl FnMut(CallKey, &str),
    ) -> Option<(CallKey, Vec<u8>)> {
        let (count, bytes) = self.front(most);
        let texts = self.gathered.get(self.taken..self.taken + bytes).unwrap_or_default();
        // Validated in one piece, because validation is fast only on many bytes.
        let mut rest = from_utf8(texts).expect(UTF8);
        // Advanced before `each` is called, so that a panic leaves no packet paired with the wrong
        // bytes.
        self.taken += bytes;
        for packet in self.packets.drain(..count) {
            let PacketText::Gathered(length) = packet.text else {
                continue;
            };
            let (text, others) = rest.split_at(length);
            each(packet.key, text);
            rest = others;
        }
        if count > 0 {
            return None;
        }
        let large = self.packets.pop_front()?;
        match large.text {
            PacketText::Own(text) => Some((large.key, text)),
            PacketText::Gathered(_) => None,
        }
    }

    /// Returns the number of gathered packets that [`take`](Self::take) takes, and their total
    /// length in bytes.
    fn front(&self, most: usize) -> (usize, usize) {
        let mut bytes = 0;
        let gathered = self.packets.iter().take_while(|packet| match packet.text {
            PacketText::Gathered(length) if bytes == 0 || bytes < most => {
                bytes += length;
                true
            }
            _ => false,
        });
        (gathered.count(), bytes)
    }

    pub(in crate::client) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Returns the keys of the waiting packets' calls, some of which may have ended.
    pub(in crate::client) fn keys(&self) -> impl Iterator<Item = CallKey> {
        self.packets.iter().map(|packet| packet.key)
    }

    /// Drops the packets that are no longer wanted if they outnumber the `wanted` ones. They
    /// therefore use no more memory than the wanted packets, and the queue is not scanned each
    /// time.
    pub(in crate::client) fn tidy(&mut self, wanted: usize, is_wanted: impl Fn(CallKey) -> bool) {
        if self.packets.len() - wanted <= wanted {
            return;
        }
        let gathered = std::mem::take(&mut self.gathered);
        let mut rest = &gathered[std::mem::take(&mut self.taken)..];
        let mut tidied = VecDeque::with_capacity(wanted);
        for packet in std::mem::take(&mut self.packets) {
            let mut text = &[][..];
            if let PacketText::Gathered(length) = packet.text {
                (text, rest) = rest.split_at(length);
            }
            if is_wanted(packet.key) {
                self.gathered.extend_from_slice(text);
                tidied.push_back(packet);
            }
        }
        self.packets = tidied;
    }

    /// Frees the bytes in front of the waiting packets once they are more than half of the buffer.
    fn shift(&mut self) {
        if self.taken == self.gathered.len() {
            self.gathered.clear();
        } else if self.taken > self.gathered.len() / 2 {
            self.gathered.drain(..self.taken);
        } else {
            return;
        }
        self.taken = 0;
        self.gathered.shrink_to(KEPT);
    }
}

pub(in crate::client) const UTF8: &str = "a packet is JSON text";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        client::channel::{
            pending::{PendingCalls, call::CallState},
            waiter::{ReplyMode, Waiter},
        },
        compat::Compat,
        pattern::Pattern,
    };

    #[derive(Debug, Clone)]
    enum Step {
        Push(usize),
        Take(usize),
        /// The packet at this index is no longer wanted.
        Forget(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        let size = prop_oneof![0..9_usize, GATHERED - 30..GATHERED + 30];
        prop_oneof![
            3 => size.prop_map(Step::Push),
            1 => (0..3000_usize).prop_map(Step::Take),
            2 => (0..9_usize).prop_map(Step::Forget),
        ]
    }

    fn draft(size: usize) -> Draft {
        let mut draft = Draft::default();
        draft.request(&Pattern::from("a"));
        let write = |text: &mut Vec<u8>| {
            text.resize(text.len() + size, b'1');
            Ok::<_, std::io::Error>(())
        };
        draft.data(write).expect("written");
        draft
    }

    /// A packet in a slow, obvious reference queue.
    struct Plain {
        key: CallKey,
        text: Vec<u8>,
        is_wanted: bool,
    }

    proptest! {
        #[test]
        fn packets_leave_in_their_order_and_those_not_wanted_may_go_before(
            steps in proptest::collection::vec(step(), 0..60),
        ) {
            let (mut calls, mut queue, mut plain) = (PendingCalls::new(Compat::Nest12), OutboundQueue::default(), Vec::<Plain>::new());
            for step in steps {
                match step {
                    Step::Push(size) => {
                        let key = calls.insert(CallState::Queued, Waiter::new(ReplyMode::Done, None));
                        queue.push(key, &mut draft(size), Some(calls.id(key)));
                        let text = draft(size).finish(Some(calls.id(key)));
                        plain.push(Plain { key, text, is_wanted: true });
                    }
                    Step::Take(most) => {
                        let mut taken = Vec::new();
                        let large = queue.take(most, |key, text| taken.push((key, text.as_bytes().to_vec())));
                        taken.extend(large);
                        prop_assert!(queue.is_empty() || !taken.is_empty(), "it goes on");
                        for (key, text) in taken {
                            // The packets before it have been dropped by `tidy`.
                            let at = plain.iter().position(|packet| packet.key == key).expect("it was pushed");
                            prop_assert!(plain.drain(..at).all(|packet| !packet.is_wanted));
                            prop_assert!(plain.remove(0).text == text);
                        }
                    }
                    Step::Forget(at) => {
                        if let Some(packet) = plain.get_mut(at) {
                            packet.is_wanted = false;
                        }
                        let wanted = plain.iter().filter(|packet| packet.is_wanted);
                        let keys: Vec<CallKey> = wanted.map(|packet| packet.key).collect();
                        queue.tidy(keys.len(), |key| keys.contains(&key));
                        prop_assert!(queue.packets.len() <= 2 * keys.len(), "few are left of those not wanted");
                    }
                }
            }
        }
    }

    #[test]
    fn memory_does_not_grow_with_what_has_passed_through() {
        let mut calls = PendingCalls::new(Compat::Nest12);
        let mut queue = OutboundQueue::default();
        let key = calls.insert(CallState::Queued, Waiter::new(ReplyMode::Done, None));
        for _ in 0..100_000 {
            queue.push(key, &mut draft(50), None);
            if queue.packets.len() > 10 {
                assert!(queue.take(1, |_, _| ()).is_none());
            }
        }
        assert!(queue.gathered.capacity() < 4096, "{}", queue.gathered.capacity());
    }
}
