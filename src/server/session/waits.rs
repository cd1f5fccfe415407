//! What a connection waits for: handlers and streams.

use std::task::{Context, Poll};

use futures_util::{
    StreamExt,
    stream::{FuturesUnordered, SelectAll},
};

use crate::{
    packet::RawJson,
    server::{
        call::{Finished, Waiting},
        streaming::{Emission, Streaming},
    },
};

/// Made when something first has to wait: most connections are idle, and quick handlers never wait.
#[derive(Default)]
pub(in crate::server) struct Waits(Option<Box<Sets>>);

#[derive(Default)]
struct Sets {
    /// Handlers that wait for something.
    calls: FuturesUnordered<Waiting>,
    /// Streams that have more to send.
    streams: SelectAll<Streaming>,
}

impl Waits {
    pub(super) fn add_call(&mut self, call: Waiting) {
        self.0.get_or_insert_default().calls.push(call);
    }

    pub(super) fn add_stream(&mut self, stream: Streaming) {
        self.0.get_or_insert_default().streams.push(stream);
    }

    /// A call that has finished; `None` when there are none.
    pub(super) fn poll_call(&mut self, cx: &mut Context<'_>) -> Poll<Option<Finished>> {
        match &mut self.0 {
            Some(sets) => sets.calls.poll_next_unpin(cx),
            None => Poll::Ready(None),
        }
    }

    /// What a stream has to send, if any has.
    pub(super) fn poll_stream(&mut self, cx: &mut Context<'_>) -> Poll<Option<(RawJson, Emission)>> {
        match &mut self.0 {
            Some(sets) => sets.streams.poll_next_unpin(cx),
            None => Poll::Ready(None),
        }
    }

    /// Drops the streams: nobody is left to take their values.
    pub(super) fn end_streams(&mut self) {
        if let Some(sets) = &mut self.0 {
            sets.streams.clear();
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |sets| sets.calls.len() + sets.streams.len())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
