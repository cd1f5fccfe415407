//! One connection of the client, from its beginning to its end.

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};

use super::{
    Disconnected,
    command::Outgoing,
    desk::{Desk, Unsent},
};
use crate::{
    compat::Compat,
    connection::{Connection, ConnectionError, Segment},
    packet::ReplyMembers,
};

pub(super) struct Link<'a, IO> {
    connection: Connection<IO>,
    compat: Compat,
    desk: &'a mut Desk,
    /// How many bytes have been sent so far.
    sent: u64,
}

impl<'a, IO: AsyncRead + AsyncWrite + Unpin> Link<'a, IO> {
    pub(super) fn new(connection: Connection<IO>, compat: Compat, desk: &'a mut Desk) -> Self {
        Self {
            connection,
            compat,
            desk,
            sent: 0,
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
        self.desk.fail_sent(reason.clone());
        reason
    }

    /// Ready with `Ok` when nobody needs the link any more.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Disconnected>> {
        loop {
            // All of them, each time: every one registers its own wake-up. Replies first: should the link have ended,
            // what is not yet written stays where it is, for the next link.
            let moved = self.poll_replies(cx)? | self.desk.poll(cx) | self.write() | self.poll_write(cx)?;
            if self.desk.is_overdue() {
                return Poll::Ready(Err(Disconnected::Closed));
            }
            if self.desk.is_drained() && self.connection.queued() == 0 {
                return self.connection.poll_shutdown(cx).map_err(failed);
            }
            if !moved {
                return Poll::Pending;
            }
        }
    }

    fn poll_replies(&mut self, cx: &mut Context<'_>) -> Result<bool, Disconnected> {
        match self.connection.poll_segment(cx) {
            Poll::Pending => Ok(false),
            Poll::Ready(Ok(Segment::Received)) => {
                let now = Instant::now();
                while let Some(frame) = self.connection.next_frame().map_err(failed)? {
                    match ReplyMembers::read(&frame, self.compat) {
                        Ok(reply) => self.desk.pending.deliver(reply, now),
                        Err(error) => return Err(failed(self.connection.refuse(error))),
                    }
                }
                Ok(true)
            }
            Poll::Ready(Ok(Segment::End)) => Err(Disconnected::ByPeer),
            Poll::Ready(Ok(Segment::EndInsideFrame)) => Err(Disconnected::InsideFrame),
            Poll::Ready(Err(error)) => Err(failed(error)),
        }
    }

    /// Writes what waits, as long as the service keeps up: callers wait otherwise.
    fn write(&mut self) -> bool {
        self.desk.linked();
        let mut moved = false;
        while !self.connection.is_congested() {
            let Some(packet) = self.desk.backlog.pop() else {
                break;
            };
            moved = true;
            if !packet.is_abandoned() {
                self.push(packet);
            }
        }
        self.desk.backlog.release();
        moved
    }

    fn push(&mut self, mut packet: Box<Outgoing>) {
        let text = std::mem::take(&mut packet.text);
        self.connection.push_text(&text);
        match packet.id {
            Some(id) => self.desk.pending.enter(id, packet),
            None => self.desk.unsent.push_back(Unsent {
                end: self.sent + self.connection.queued() as u64,
                event: Some(packet),
            }),
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<bool, Disconnected> {
        let was_congested = self.connection.is_congested();
        let queued = self.connection.queued();
        let flushed = self.connection.poll_flush(cx);
        self.sent += (queued - self.connection.queued()) as u64;
        let unsent = &mut self.desk.unsent;
        let out = unsent.iter().take_while(|unsent| unsent.end <= self.sent).count();
        for event in unsent.drain(..out).filter_map(|unsent| unsent.event) {
            event.waiting.done();
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
