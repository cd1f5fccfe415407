//! One call: asked of the candidate as it was asked of the primary, and compared.

use std::{
    cell::RefCell,
    sync::Arc,
    time::{Duration, Instant},
};

use nest_wire::{client::Client, packet::RequestPacket, recording::Side};
use tokio::{sync::oneshot, time::timeout};

use super::{
    ask::{NoReply, ask},
    fields::Comparer,
    held::{Packets, Room},
    metrics,
    primary::Reply,
    screen::Screen,
    tally::{Compared, Tally},
};
use crate::traffic::{packet::Packet, text::head};

/// Maximum size of a call's data, in bytes, that is kept as an example.
const MAX_DATA_BYTES: usize = 1024;

/// What is asked beside the primary, and what came of it.
pub(super) struct Services {
    pub(super) candidate: Client,
    /// The primary, or a service like it, asked a second time.
    pub(super) again: Option<Client>,
    /// Maximum time for a reply.
    pub(super) limit: Duration,
    pub(super) room: Room,
    pub(super) results: RefCell<Results>,
}

/// What came of the calls.
pub(super) struct Results {
    pub(super) tally: Tally,
    pub(super) comparer: Comparer,
    pub(super) screen: Screen,
    /// Number of calls after which `enough` is called.
    pub(super) max_calls: Option<u64>,
    pub(super) enough: Box<dyn Fn() + Send>,
}

/// A call that was copied.
pub(super) struct Call {
    pub(super) number: u64,
    pub(super) pattern: Arc<str>,
    pub(super) packet: RequestPacket,
    /// The request's place in the room.
    pub(super) _held: Packets,
    pub(super) is_asked_again: bool,
}

/// Why a call that was chosen is not compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Skip {
    Busy,
    TooLarge,
    Unfinished,
}

impl Services {
    /// Asks the candidate, waits for the primary's reply, and compares both.
    pub(super) async fn compare(&self, call: Call, primary: oneshot::Receiver<Reply>) {
        let candidate = timed(ask(&self.candidate, &call.packet, self.limit, &self.room));
        let others = async { Ok(tokio::join!(candidate, self.ask_again(&call))) };
        // Without the primary's reply, nobody waits for the others.
        let ((primary, primary_took), ((candidate, took), again)) = match tokio::try_join!(self.reply(primary), others)
        {
            Ok(replies) => replies,
            Err(skip) => return self.skip(skip),
        };
        match candidate {
            Err(NoReply::NoRoom) => self.skip(Skip::TooLarge),
            Err(NoReply::Unanswered(reason)) => self.results.borrow_mut().unanswered(&call, &reason),
            Ok(candidate) => {
                let replies = [&primary, &candidate];
                let took = [primary_took, took];
                self.results.borrow_mut().compared(&call, replies, took, again.as_ref());
            }
        }
    }

    async fn reply(&self, primary: oneshot::Receiver<Reply>) -> Result<(Packets, Duration), Skip> {
        let Ok(Ok(Reply { packets, took })) = timeout(self.limit, primary).await else {
            return Err(Skip::Unfinished);
        };
        let packets = packets.map_err(|_| Skip::TooLarge)?;
        Ok((packets, took))
    }

    /// Returns the second answer, if there is to be one, and it comes.
    async fn ask_again(&self, call: &Call) -> Option<Packets> {
        let again = self.again.as_ref().filter(|_| call.is_asked_again)?;
        match ask(again, &call.packet, self.limit, &self.room).await {
            Ok(packets) => Some(packets),
            Err(NoReply::NoRoom) => None,
            Err(NoReply::Unanswered(reason)) => {
                self.results.borrow_mut().tally.no_second_answer(reason);
                None
            }
        }
    }

    /// Sends a copy of an event to the candidate.
    pub(super) async fn copy_event(&self, packet: &RequestPacket) {
        let sent = timeout(self.limit, self.candidate.forward_event(packet)).await;
        let tally = &mut self.results.borrow_mut().tally;
        match sent {
            Ok(Ok(())) => tally.events += 1,
            _ => tally.lost_events += 1,
        }
    }

    pub(super) fn skip(&self, skip: Skip) {
        let skipped = &mut self.results.borrow_mut().tally.skipped;
        let (count, reason) = match skip {
            Skip::Busy => (&mut skipped.busy, "busy"),
            Skip::TooLarge => (&mut skipped.too_large, "too_large"),
            Skip::Unfinished => (&mut skipped.unfinished, "unfinished"),
        };
        *count += 1;
        metrics::skipped(reason);
    }
}

impl Results {
    /// Compares the replies of the primary and the candidate, and counts what differs.
    fn compared(&mut self, call: &Call, replies: [&Packets; 2], took: [Duration; 2], again: Option<&Packets>) {
        let [primary, candidate] = replies.map(Packets::texts);
        let fields = self.comparer.fields(primary, candidate);
        let noise = again.map(|again| self.comparer.fields(primary, again.texts()));
        let data = match fields.is_empty() {
            true => String::new(),
            false => self.data(&call.packet),
        };
        let new = self.tally.compared(Compared {
            pattern: Arc::clone(&call.pattern),
            number: call.number,
            data,
            fields,
            noise,
            took,
        });
        self.screen.differences(&call.pattern, &new);
        self.count();
    }

    fn unanswered(&mut self, call: &Call, reason: &str) {
        if self.tally.unanswered(&call.pattern, reason) {
            self.screen.unanswered(call.number, &call.pattern, reason);
        }
        self.count();
    }

    /// Returns the beginning of a request's data, without what is masked.
    fn data(&self, packet: &RequestPacket) -> String {
        let packet = Packet::read(Side::Caller, &self.comparer.shown(packet.as_str()));
        let data = packet.and_then(|packet| packet.payload);
        data.map_or_else(String::new, |data| head(data.as_str(), MAX_DATA_BYTES).to_owned())
    }

    /// Returns true if no more calls are wanted.
    pub(super) fn are_enough(&self) -> bool {
        self.max_calls.is_some_and(|max| self.tally.judged() >= max)
    }

    fn count(&self) {
        if self.are_enough() {
            (self.enough)();
        }
    }
}

/// Returns what comes, and how long it took.
async fn timed<T>(reply: impl Future<Output = T>) -> (T, Duration) {
    let began = Instant::now();
    (reply.await, began.elapsed())
}
