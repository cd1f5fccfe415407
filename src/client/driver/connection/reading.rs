//! The receiving side of a connection: replies, and the end.

use std::{
    sync::atomic::Ordering::Relaxed,
    task::{Context, Poll},
};

use bytestring::ByteString;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{
    client::{
        DisconnectReason,
        channel::waiter::Clock,
        driver::connection::{ActiveConnection, failed},
    },
    connection::Segment,
    packet::{CallId, ReplyMembers, read_fast},
};

/// Maximum number of replies that are delivered at once, so few that no caller waits long for the
/// channel.
const REPLIES: usize = 64;

impl<IO: AsyncRead + AsyncWrite + Unpin> ActiveConnection<'_, IO> {
    /// Reads and delivers replies. Returns true if anything was read.
    pub(in crate::client) fn poll_replies(&mut self, cx: &mut Context<'_>) -> Result<bool, DisconnectReason> {
        if self.is_paused && !self.resume() {
            return Ok(false);
        }
        match self.connection.poll_segment(cx) {
            Poll::Pending => Ok(false),
            Poll::Ready(Ok(Segment::Received)) => self.take_segment().map(|()| true),
            Poll::Ready(Ok(Segment::End)) => Err(DisconnectReason::ByPeer),
            Poll::Ready(Ok(Segment::EndInsideFrame)) => Err(DisconnectReason::InsideFrame),
            Poll::Ready(Err(error)) => Err(failed(error)),
        }
    }

    fn take_segment(&mut self) -> Result<(), DisconnectReason> {
        let mut clock = Clock::default();
        loop {
            let read = self.read_replies();
            // Replies before a fault are delivered, too.
            let received = self.receiver.deliver(&mut self.replies, &mut self.packets, &mut clock);
            self.is_paused = received.is_full;
            if received.is_refused {
                self.refused();
            }
            if !read? {
                return Ok(());
            }
        }
    }

    /// Resumes reading if there is a reason for it. Returns true if the connection is read again:
    /// the full stream has room or is gone, another call awaits a reply, or the service may have to
    /// be read before it reads what is written.
    fn resume(&mut self) -> bool {
        let is_full = self.connection.queued() == 0 && self.receiver.channel.lock().calls.is_full();
        if !is_full {
            self.is_paused = false;
            self.connection.rearm();
        }
        !is_full
    }

    /// Takes some replies out of the received bytes. Returns true if there may be more.
    fn read_replies(&mut self) -> Result<bool, DisconnectReason> {
        let mut memory = ByteString::new();
        let keeps_packets = self.receiver.channel.keeps_packets.load(Relaxed);
        while self.replies.len() < REPLIES {
            let Some(frame) = self.connection.next_frame(&mut memory).map_err(failed)? else {
                return Ok(false);
            };
            if let Some(usual) = read_fast(frame) {
                self.replies.push(usual);
                if keeps_packets {
                    self.packets.push(frame.keep(frame.as_str()));
                }
                continue;
            }
            match ReplyMembers::read(frame, self.compat) {
                Ok(reply) => match reply.id.and_then(CallId::read_json) {
                    Some(id) => {
                        self.replies.push((id, reply.outcome));
                        if keeps_packets {
                            self.packets.push(frame.keep(frame.as_str()));
                        }
                    }
                    None => tracing::debug!(id = ?reply.id, "a reply to nobody"),
                },
                Err(error) => return Err(failed(self.connection.refuse(error))),
            }
        }
        Ok(true)
    }
}
