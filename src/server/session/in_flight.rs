//! The handlers and streams in flight on a connection.

use std::task::{Context, Poll};

use futures_util::{
    FutureExt, StreamExt,
    stream::{FuturesUnordered, SelectAll},
};

use crate::{
    packet::RawJson,
    server::{
        exchange::{budget::is_budget_used_up, stream::StreamedReply},
        reply::ReplyItem,
        session::pending_call::{CompletedCall, PendingCall},
    },
};

/// Maximum number of polls of an interrupted handler before others run without waiting for it. A
/// handler that never waits must not block its connection for ever.
const TURNS: u8 = 16;

/// Allocated when something first has to wait: most connections are idle, and quick handlers never
/// wait.
#[derive(Default)]
pub(in crate::server) struct InFlight(Option<Box<Sets>>);

#[derive(Default)]
struct Sets {
    /// A handler that tokio's budget interrupted. It does not wait for anything, and continues
    /// before the next packet is taken, so that handlers which never wait run in the order of their
    /// packets.
    interrupted: Option<Interrupted>,
    /// Handlers that wait for something.
    calls: FuturesUnordered<PendingCall>,
    /// Streams that have more to send.
    streams: SelectAll<StreamedReply>,
}

struct Interrupted {
    call: PendingCall,
    turns_left: u8,
}

impl InFlight {
    /// Sets aside a handler that has just been polled.
    pub(super) fn add_call(&mut self, call: PendingCall) {
        let sets = self.0.get_or_insert_default();
        if is_budget_used_up() && sets.interrupted.is_none() {
            let turns_left = TURNS;
            sets.interrupted = Some(Interrupted { call, turns_left });
        } else {
            sets.calls.push(call);
        }
    }

    /// Sets aside the rest of an event's stream, which has no place in the order of packets.
    pub(super) fn add_rest(&mut self, rest: PendingCall) {
        self.0.get_or_insert_default().calls.push(rest);
    }

    pub(super) fn add_stream(&mut self, stream: StreamedReply) {
        self.0.get_or_insert_default().streams.push(stream);
    }

    /// Returns a call that has finished; `None` if no calls are left.
    pub(super) fn poll_call(&mut self, cx: &mut Context<'_>) -> Poll<Option<CompletedCall>> {
        let Some(sets) = &mut self.0 else {
            return Poll::Ready(None);
        };
        if let Some(finished) = sets.poll_interrupted(cx) {
            return finished.map(Some);
        }
        sets.calls.poll_next_unpin(cx)
    }

    /// Returns the next item of any stream, with the id of its request; `None` if no streams are
    /// left.
    pub(super) fn poll_stream(&mut self, cx: &mut Context<'_>) -> Poll<Option<(RawJson, ReplyItem)>> {
        match &mut self.0 {
            Some(sets) => sets.streams.poll_next_unpin(cx),
            None => Poll::Ready(None),
        }
    }

    /// Drops the streams, because their values would not be sent any more.
    pub(super) fn end_streams(&mut self) {
        if let Some(sets) = &mut self.0 {
            sets.streams.clear();
        }
    }

    /// Drops the stream that answers the request of this id, because its caller has been sent an
    /// error.
    pub(super) fn end_stream(&mut self, id: &RawJson) {
        if let Some(sets) = &mut self.0 {
            let streams = std::mem::take(&mut sets.streams);
            sets.streams = streams.into_iter().filter(|stream| !stream.answers(id)).collect();
        }
    }

    /// Returns true if a handler must continue before the next packet is taken.
    pub(super) fn is_interrupted(&self) -> bool {
        self.0.as_ref().is_some_and(|sets| sets.interrupted.is_some())
    }

    /// Returns true if handlers are running.
    pub(super) fn has_calls(&self) -> bool {
        self.0
            .as_ref()
            .is_some_and(|sets| sets.interrupted.is_some() || !sets.calls.is_empty())
    }

    pub(super) fn len(&self) -> usize {
        let len = |sets: &Sets| usize::from(sets.interrupted.is_some()) + sets.calls.len() + sets.streams.len();
        self.0.as_deref().map_or(0, len)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Sets {
    /// Polls the interrupted handler. Returns `None` if there is none, or if it now waits like the
    /// others.
    fn poll_interrupted(&mut self, cx: &mut Context<'_>) -> Option<Poll<CompletedCall>> {
        let Interrupted { mut call, turns_left } = self.interrupted.take()?;
        if let Poll::Ready(finished) = call.poll_unpin(cx) {
            return Some(Poll::Ready(finished));
        }
        match turns_left.checked_sub(1) {
            Some(turns_left) if is_budget_used_up() => {
                cx.waker().wake_by_ref();
                self.interrupted = Some(Interrupted { call, turns_left });
                Some(Poll::Pending)
            }
            _ => {
                self.calls.push(call);
                None
            }
        }
    }
}
