//! One connection of the client, from its beginning to its end.

use std::{
    collections::VecDeque,
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll},
};

use bytestring::ByteString;
use simdutf8::basic::from_utf8;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};

use super::{Disconnected, calls::Key, clerk::Clerk, papers::Papers, queue::UTF8, stage::Stage};
use crate::{
    compat::Compat,
    connection::{Connection, ConnectionError, Segment},
    packet::{CallId, Outcome, ReplyMembers, read_usual},
};

/// How many replies are handed over at a time: so few that nobody waits long for the desk.
const REPLIES: usize = 64;

/// How many bytes are taken from the desk at a time: as many as a service that reads takes at once.
const TOGETHER: usize = 64 * 1024;

pub(super) struct Link<'a, IO> {
    connection: Connection<IO>,
    compat: Compat,
    clerk: &'a mut Clerk,
    /// How many bytes have been sent so far.
    sent: u64,
    /// Events that are written but not wholly sent, in that order, and how many bytes will have been sent when they are.
    unsent: VecDeque<(u64, Key)>,
    /// What has been read and not been handed over.
    replies: Vec<(CallId, Outcome)>,
}

impl<'a, IO: AsyncRead + AsyncWrite + Unpin> Link<'a, IO> {
    pub(super) fn new(connection: Connection<IO>, compat: Compat, clerk: &'a mut Clerk) -> Self {
        Self {
            connection,
            compat,
            clerk,
            sent: 0,
            unsent: VecDeque::new(),
            replies: Vec::new(),
        }
    }

    /// Carries what is asked until the link ends, and tells everybody who still waits why.
    pub(super) async fn run(mut self) -> Disconnected {
        // Before anything is read: what waits for a link has had one, though that be lost at once. Else a service that
        // accepts and closes would be called again and again.
        self.write();
        let reason = match poll_fn(|cx| self.poll(cx)).await {
            Ok(()) => Disconnected::Closed,
            Err(reason) => reason,
        };
        tracing::debug!(error = &reason as &dyn std::error::Error, "disconnected");
        self.clerk.fail_sent(reason.clone());
        reason
    }

    /// Ready with `Ok` when nobody needs the link any more.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Disconnected>> {
        loop {
            // All of them, each time: every one registers its own wake-up. Replies first: should the link have ended,
            // what is not yet written stays where it is, for the next link.
            let received = self.poll_replies(cx)?;
            self.clerk.poll(cx);
            let is_urgent = self.write();
            let is_relieved = self.poll_write(cx)?;
            if self.clerk.is_overdue() {
                return Poll::Ready(Err(Disconnected::Closed));
            }
            if self.connection.queued() == 0 && self.clerk.is_drained() {
                return self.connection.poll_shutdown(cx).map_err(failed);
            }
            // Only what has not registered its wake-up is polled again: with one call at a time, each round counts.
            if !(received || is_urgent || is_relieved) {
                return Poll::Pending;
            }
        }
    }

    fn poll_replies(&mut self, cx: &mut Context<'_>) -> Result<bool, Disconnected> {
        match self.connection.poll_segment(cx) {
            Poll::Pending => Ok(false),
            Poll::Ready(Ok(Segment::Received)) => {
                let now = Instant::now();
                loop {
                    let read = self.read_replies();
                    // Those before a fault, too.
                    self.clerk.deliver(&mut self.replies, now);
                    if !read? {
                        return Ok(true);
                    }
                }
            }
            Poll::Ready(Ok(Segment::End)) => Err(Disconnected::ByPeer),
            Poll::Ready(Ok(Segment::EndInsideFrame)) => Err(Disconnected::InsideFrame),
            Poll::Ready(Err(error)) => Err(failed(error)),
        }
    }

    /// Takes some replies out of what has been received; whether there are more.
    fn read_replies(&mut self) -> Result<bool, Disconnected> {
        let mut memory = ByteString::new();
        while self.replies.len() < REPLIES {
            let Some(frame) = self.connection.next_frame(&mut memory).map_err(failed)? else {
                return Ok(false);
            };
            if let Some(usual) = read_usual(frame) {
                self.replies.push(usual);
                continue;
            }
            match ReplyMembers::read(frame, self.compat) {
                Ok(reply) => match reply.id.and_then(CallId::read_json) {
                    Some(id) => self.replies.push((id, reply.outcome)),
                    None => tracing::debug!(id = ?reply.id, "a reply to nobody"),
                },
                Err(error) => return Err(failed(self.connection.refuse(error))),
            }
        }
        Ok(true)
    }

    /// Writes what waits, as long as the service keeps up: callers wait otherwise. Whether the clerk has to be polled for it.
    fn write(&mut self) -> bool {
        if !self.clerk.change(Papers::linked) {
            return false;
        }
        let (mut written, mut is_urgent) = (0, false);
        let desk = Arc::clone(&self.clerk.desk);
        while !self.connection.is_congested() {
            let mut papers = desk.lock();
            // What other threads have brought since the clerk last looked goes out too, and its time counts.
            is_urgent |= self.clerk.start(&mut papers);
            let Papers { queue, calls, .. } = &mut *papers;
            if queue.is_empty() {
                break;
            }
            let most = TOGETHER.saturating_sub(self.connection.queued());
            let large = queue.take(most, |key, text| {
                let stage = calls.write(key);
                written += self.push(key, stage, text);
            });
            if let Some((key, text)) = large {
                let stage = calls.write(key);
                // Nobody shall wait for that.
                drop(papers);
                written += self.push(key, stage, from_utf8(&text).expect(UTF8));
            }
        }
        desk.slots.add_permits(written);
        is_urgent
    }

    /// Writes a packet, unless it is not wanted any more; how many packets that makes.
    fn push(&mut self, key: Key, stage: Option<Stage>, text: &str) -> usize {
        let Some(stage) = stage else {
            return 0;
        };
        self.connection.push_text(text);
        if stage == Stage::Leaving {
            self.unsent
                .push_back((self.sent + self.connection.queued() as u64, key));
        }
        1
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<bool, Disconnected> {
        let was_congested = self.connection.is_congested();
        let queued = self.connection.queued();
        let flushed = self.connection.poll_flush(cx);
        self.sent += (queued - self.connection.queued()) as u64;
        let out = self.unsent.iter().take_while(|(end, _)| *end <= self.sent).count();
        if out > 0 {
            let events = self.unsent.drain(..out);
            self.clerk.change(|papers, woken| {
                events.for_each(|(_, event)| papers.calls.done(event, woken));
            });
        }
        match flushed {
            Poll::Ready(Err(error)) => Err(failed(error)),
            _ => Ok(was_congested && !self.connection.is_congested()),
        }
    }
}

fn failed(error: ConnectionError) -> Disconnected {
    Disconnected::Failed(Arc::new(error))
}
