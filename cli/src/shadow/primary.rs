//! The replies that callers receive: collected as they pass.

use std::{collections::HashMap, time::Duration};

use tokio::sync::oneshot;

use super::held::{Packets, Room, TooLarge};

/// A reply as the caller received it.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) packets: Result<Packets, TooLarge>,
    /// Time from the request to the last packet.
    pub(super) took: Duration,
}

/// The calls that were copied and wait for the primary's reply.
#[derive(Default)]
pub(super) struct Replies {
    room: Room,
    waiting: HashMap<u64, Waiting>,
}

struct Waiting {
    connection: u32,
    packets: Result<Packets, TooLarge>,
    sender: oneshot::Sender<Reply>,
}

impl Replies {
    pub(super) fn new(room: Room) -> Self {
        Self {
            room,
            waiting: HashMap::new(),
        }
    }

    /// Returns the reply to the call with this number, once it is whole. The receiver fails if the
    /// connection ends before.
    pub(super) fn of(&mut self, call: u64, connection: u32) -> oneshot::Receiver<Reply> {
        let (sender, receiver) = oneshot::channel();
        let waiting = Waiting {
            connection,
            packets: Ok(self.room.packets()),
            sender,
        };
        self.waiting.insert(call, waiting);
        receiver
    }

    /// Adds a packet to the reply to a call, if that is waited for. `last` is the time since the
    /// request, for the last packet.
    pub(super) fn packet(&mut self, call: u64, text: &str, last: Option<Duration>) {
        let Some(waiting) = self.waiting.get_mut(&call) else {
            return;
        };
        if let Ok(packets) = &mut waiting.packets
            && let Err(too_large) = packets.push(text)
        {
            // What is held of it is of no use.
            waiting.packets = Err(too_large);
        }
        if let Some(took) = last
            && let Some(Waiting { packets, sender, .. }) = self.waiting.remove(&call)
        {
            // Nobody waits for it if the primary took too long.
            let _ = sender.send(Reply { packets, took });
        }
    }

    /// Gives up the reply to one call.
    pub(super) fn forget(&mut self, call: u64) {
        self.waiting.remove(&call);
    }

    /// Gives up the replies of a connection that has ended, or of which bytes were not seen.
    pub(super) fn give_up(&mut self, connection: u32) {
        self.waiting.retain(|_, waiting| waiting.connection != connection);
    }

    /// Gives up replies for which nobody waits any more.
    pub(super) fn forget_late(&mut self) {
        self.waiting.retain(|_, waiting| !waiting.sender.is_closed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(mut receiver: oneshot::Receiver<Reply>) -> Vec<String> {
        let reply = receiver.try_recv().expect("it is whole");
        reply.packets.expect("it fits").texts().to_vec()
    }

    #[test]
    fn each_call_gets_its_own_packets_until_the_last() {
        let mut replies = Replies::default();
        let (first, mut second) = (replies.of(1, 1), replies.of(2, 1));
        replies.packet(1, "a", None);
        replies.packet(2, "b", None);
        replies.packet(3, "c", Some(Duration::ZERO));
        replies.packet(1, "d", Some(Duration::ZERO));
        assert_eq!(texts(first), ["a", "d"]);
        assert!(second.try_recv().is_err());
    }

    #[test]
    fn a_reply_whose_connection_ended_or_that_is_late_is_given_up() {
        let mut replies = Replies::default();
        let (mut ended, other) = (replies.of(1, 1), replies.of(2, 2));
        replies.give_up(1);
        assert!(matches!(ended.try_recv(), Err(oneshot::error::TryRecvError::Closed)));
        drop(other);
        replies.forget_late();
        assert!(replies.waiting.is_empty());
    }
}
