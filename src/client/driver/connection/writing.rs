//! The sending side of a connection: packets from the channel, as long as the service reads them.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use simdutf8::basic::from_utf8;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::client::{
    CallError, DisconnectReason,
    channel::{
        ChannelState,
        outbound::UTF8,
        pending::call::{CallKey, CallState},
    },
    driver::connection::{ActiveConnection, failed},
};

/// Number of bytes that are taken from the channel at once: as many as a service that reads takes
/// at once.
const TOGETHER: usize = 64 * 1024;

impl<IO: AsyncRead + AsyncWrite + Unpin> ActiveConnection<'_, IO> {
    /// Writes the waiting packets as long as the service keeps up; otherwise callers wait.
    pub(in crate::client) fn write(&mut self) {
        if self.refusing.is_some() || !self.receiver.change(ChannelState::linked) {
            return;
        }
        let written = match self.connection.is_custom() {
            false => self.write_packets(),
            true => self.write_custom(),
        };
        self.receiver.channel.queue_permits.add_permits(written);
    }

    /// Writes packets in Nest's own framing. Returns the number of packets written.
    fn write_packets(&mut self) -> usize {
        let mut written = 0;
        let channel = Arc::clone(&self.receiver.channel);
        while !self.connection.is_congested() {
            let mut state = channel.lock();
            let ChannelState { queue, calls, .. } = &mut *state;
            if queue.is_empty() {
                break;
            }
            let most = TOGETHER.saturating_sub(self.connection.queued());
            let large = queue.take(most, |key, text| {
                let call_state = calls.write(key);
                written += self.push(key, call_state, text);
            });
            if let Some((key, text)) = large {
                let call_state = calls.write(key);
                // A large packet is copied after the lock is released.
                drop(state);
                written += self.push(key, call_state, from_utf8(&text).expect(UTF8));
            }
        }
        written
    }

    /// Writes a packet, unless it is no longer wanted. Returns the number of packets written, 0 or
    /// 1.
    fn push(&mut self, key: CallKey, call_state: Option<CallState>, text: &str) -> usize {
        let Some(call_state) = call_state else {
            return 0;
        };
        match self.connection.push_text(text) {
            Ok(()) => self.pushed(key, call_state),
            // Nest's own framing rejects no packet.
            Err(error) => tracing::error!(error = &*error as &dyn std::error::Error, "a packet cannot be framed"),
        }
        1
    }

    fn pushed(&mut self, key: CallKey, call_state: CallState) {
        if call_state == CallState::Flushing {
            self.unsent
                .push_back((self.sent + self.connection.queued() as u64, key));
        }
    }

    /// As [`write_packets`](Self::write_packets), with a custom framing: its code runs outside the
    /// lock, on copies of the packets. A packet that it rejects fails only its own call. Returns
    /// the number of packets taken from the channel.
    fn write_custom(&mut self) -> usize {
        let mut written = 0;
        let mut batch = std::mem::take(&mut self.batch);
        while !self.connection.is_congested() {
            batch.take(
                &mut self.receiver.channel.lock(),
                TOGETHER.saturating_sub(self.connection.queued()),
            );
            if batch.text.is_empty() {
                break;
            }
            written += batch.packets.len();
            let mut start = 0;
            for (key, call_state, end) in batch.packets.drain(..) {
                let text = from_utf8(&batch.text[start..end]).expect(UTF8);
                start = end;
                match self.connection.push_text(text) {
                    Ok(()) => self.pushed(key, call_state),
                    Err(error) => {
                        let end = Err(CallError::Unframeable(Arc::from(error)));
                        self.receiver.change(|state, woken| state.calls.end(key, end, woken));
                    }
                }
            }
            batch.text.clear();
        }
        self.batch = batch;
        written
    }

    /// Sends what is written. Returns true if the connection was congested and is so no longer.
    pub(in crate::client) fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<bool, DisconnectReason> {
        let was_congested = self.connection.is_congested();
        let queued = self.connection.queued();
        let flushed = self.connection.poll_flush(cx);
        self.sent += (queued - self.connection.queued()) as u64;
        let out = self.unsent.iter().take_while(|(end, _)| *end <= self.sent).count();
        if out > 0 {
            let events = self.unsent.drain(..out);
            self.receiver.change(|state, woken| {
                events.for_each(|(_, event)| state.calls.end(event, Ok(None), woken));
            });
        }
        match flushed {
            Poll::Ready(Err(error)) => Err(failed(error)),
            _ => Ok(was_congested && !self.connection.is_congested()),
        }
    }
}
