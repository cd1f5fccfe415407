//! What leaves on a connection: packets from the desk, as long as the service takes them.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use simdutf8::basic::from_utf8;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::client::{
    CallError, Disconnected,
    channel::{call_state::Stage, channel_state::Papers, outbound::UTF8, pending::Key},
    driver::connection::{Link, failed},
};

/// How many bytes are taken from the desk at a time: as many as a service that reads takes at once.
const TOGETHER: usize = 64 * 1024;

/// Packets that were taken from the desk and are not written yet.
#[derive(Debug, Default)]
pub(in crate::client) struct Batch {
    text: Vec<u8>,
    /// How far the text of each goes.
    packets: Vec<(Key, Stage, usize)>,
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Link<'_, IO> {
    /// Writes what waits, as long as the service keeps up: callers wait otherwise.
    pub(in crate::client) fn write(&mut self) {
        if self.refusing.is_some() || !self.clerk.change(Papers::linked) {
            return;
        }
        let written = match self.connection.is_custom() {
            false => self.write_packets(),
            true => self.write_custom(),
        };
        self.clerk.desk.slots.add_permits(written);
    }

    /// Returns how many packets were written.
    fn write_packets(&mut self) -> usize {
        let mut written = 0;
        let desk = Arc::clone(&self.clerk.desk);
        while !self.connection.is_congested() {
            let mut papers = desk.lock();
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
                // A large packet is copied without the lock.
                drop(papers);
                written += self.push(key, stage, from_utf8(&text).expect(UTF8));
            }
        }
        written
    }

    /// Writes a packet, unless it is not wanted any more. Returns how many packets that makes.
    fn push(&mut self, key: Key, stage: Option<Stage>, text: &str) -> usize {
        let Some(stage) = stage else {
            return 0;
        };
        match self.connection.push_text(text) {
            Ok(()) => self.pushed(key, stage),
            // Nest's own framing refuses none.
            Err(error) => tracing::error!(error = &*error as &dyn std::error::Error, "a packet cannot be framed"),
        }
        1
    }

    fn pushed(&mut self, key: Key, stage: Stage) {
        if stage == Stage::Leaving {
            self.unsent
                .push_back((self.sent + self.connection.queued() as u64, key));
        }
    }

    /// As [`write_packets`](Self::write_packets), with a framing that is not ours: its code runs where no lock is held, on
    /// copies of the packets. The call of a packet that it refuses fails, and no other.
    fn write_custom(&mut self) -> usize {
        let mut written = 0;
        let mut batch = std::mem::take(&mut self.batch);
        while !self.connection.is_congested() {
            batch.take(
                &mut self.clerk.desk.lock(),
                TOGETHER.saturating_sub(self.connection.queued()),
            );
            if batch.text.is_empty() {
                break;
            }
            written += batch.packets.len();
            let mut start = 0;
            for (key, stage, end) in batch.packets.drain(..) {
                let text = from_utf8(&batch.text[start..end]).expect(UTF8);
                start = end;
                match self.connection.push_text(text) {
                    Ok(()) => self.pushed(key, stage),
                    Err(error) => {
                        let end = Err(CallError::Unframeable(Arc::from(error)));
                        self.clerk.change(|papers, woken| papers.calls.end(key, end, woken));
                    }
                }
            }
            batch.text.clear();
        }
        self.batch = batch;
        written
    }

    /// Sends what is written. Returns true if the service, which did not take enough, now does.
    pub(in crate::client) fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<bool, Disconnected> {
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

impl Batch {
    /// Copies the packets that wait, up to so many bytes together, or one that is large.
    fn take(&mut self, papers: &mut Papers, most: usize) {
        self.text.clear();
        self.packets.clear();
        // Those that are not wanted any more leave nothing: there may be others behind them.
        while self.text.is_empty() && !papers.queue.is_empty() {
            let Papers { queue, calls, .. } = papers;
            let large = queue.take(most, |key, text| self.add(key, calls.write(key), text.as_bytes()));
            if let Some((key, text)) = large {
                self.add(key, calls.write(key), &text);
            }
        }
    }

    fn add(&mut self, key: Key, stage: Option<Stage>, text: &[u8]) {
        if let Some(stage) = stage {
            self.text.extend_from_slice(text);
            self.packets.push((key, stage, self.text.len()));
        }
    }
}
