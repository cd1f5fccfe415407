//! The packets that wait to be written. Knows neither connections nor pending calls.

use std::collections::VecDeque;

use simdutf8::basic::from_utf8;

use crate::{
    client::channel::call_key::CallKey,
    packet::{CallId, Draft},
};

/// Up to how many bytes a packet is gathered with others.
const GATHERED: usize = 1024;
/// How much room for those is kept, in bytes.
const KEPT: usize = 256 * 1024;

/// Small packets are gathered in one piece of memory: of most, nothing is allocated.
#[derive(Debug, Default)]
pub(in crate::client) struct OutboundQueue {
    packets: VecDeque<Packet>,
    gathered: Vec<u8>,
    /// How many of those bytes have been taken out.
    taken: usize,
}

#[derive(Debug)]
struct Packet {
    key: CallKey,
    text: PacketText,
}

#[derive(Debug)]
enum PacketText {
    /// So many bytes of what is gathered.
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

    /// Puts a packet back that was [taken](Self::take) and not written.
    pub(in crate::client) fn push_back(&mut self, key: CallKey, text: Vec<u8>) {
        self.packets.push_back(Packet {
            key,
            text: PacketText::Own(text),
        });
    }

    /// Takes packets out, in their order: shows `each` of them, up to so many bytes together. One
    /// that is large is returned instead, and ends that.
    pub(in crate::client) fn take(
        &mut self,
        most: usize,
        mut each: impl FnMut(CallKey, &str),
    ) -> Option<(CallKey, Vec<u8>)> {
        let (count, bytes) = self.front(most);
        let texts = self.gathered.get(self.taken..self.taken + bytes).unwrap_or_default();
        // All at once, for that is quick only with many bytes.
        let mut rest = from_utf8(texts).expect(UTF8);
        // Before anything is shown, so that a panic leaves no packet beside the wrong bytes.
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

    /// Returns how many packets of the front are gathered, one or more up to so many bytes,
    /// and how many bytes they have.
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

    /// Returns the calls whose packets wait, and perhaps some that have ended.
    pub(in crate::client) fn keys(&self) -> impl Iterator<Item = CallKey> {
        self.packets.iter().map(|packet| packet.key)
    }

    /// `wanted` of the packets are still wanted; drops the others if these are more. So they cost
    /// no more memory than those that are wanted, and nobody looks through them all each time.
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

    /// Gives room back that is in front of what waits, once that is the greater part.
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
            call_state::CallState,
            pending::PendingCalls,
            waiter::{ReplyMode, Waiter},
        },
        compat::Compat,
        pattern::Pattern,
    };

    #[derive(Debug, Clone)]
    enum Step {
        Push(usize),
        Take(usize),
        /// The packet so far from the front is not wanted any more.
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

    /// A packet in the slow, obvious queue.
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
                            // Those before it have been tidied away.
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
