//! What leaves on a connection: packets from the channel, as long as the service takes them.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use simdutf8::basic::from_utf8;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::client::{
    CallError, DisconnectReason,
    channel::{call_key::CallKey, call_state::CallState, channel_state::ChannelState, outbound::UTF8},
    driver::connection::{ActiveConnection, failed},
};

/// How many bytes are taken from the channel at a time: as many as a service that reads takes at
/// once.
const TOGETHER: usize = 64 * 1024;

impl<IO: AsyncRead + AsyncWrite + Unpin> ActiveConnection<'_, IO> {
    /// Writes what waits, as long as the service keeps up: callers wait otherwise.
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

    /// Returns how many packets were written.
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
                // A large packet is copied without the lock.
                drop(state);
                written += self.push(key, call_state, from_utf8(&text).expect(UTF8));
            }
        }
        written
    }

    /// Writes a packet, unless it is not wanted any more. Returns how many packets that makes.
    fn push(&mut self, key: CallKey, call_state: Option<CallState>, text: &str) -> usize {
        let Some(call_state) = call_state else {
            return 0;
        };
        match self.connection.push_text(text) {
            Ok(()) => self.pushed(key, call_state),
            // Nest's own framing refuses none.
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

    /// As [`write_packets`](Self::write_packets), with a framing that is not ours: its code runs
    /// where no lock is held, on copies of the packets. The call of a packet that it refuses fails,
    /// and no other.
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

    /// Sends what is written. Returns true if the service, which did not take enough, now does.
    pub(in crate::client) fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<bool, DisconnectReason> {
        let was_congested = self.connection.is_congested();
        let queued = self.connection.queued();
        let flushed = self.connection.poll_flush(cx);
        self.sent += (queued - self.connection.queued()) as u64;
        let out = self.unsent.iter().take_while(|(end, _)| *end <= self.sent).count();
        if out > 0 {
            let events = self.unsent.drain(..out);
            self.receiver.change(|state, woken| {
                events.for_each(|(_, event)| state.calls.done(event, woken));
            });
        }
        match flushed {
            Poll::Ready(Err(error)) => Err(failed(error)),
            _ => Ok(was_congested && !self.connection.is_congested()),
        }
    }
}
