//! From packets to handlers, and from what they give back to replies.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::StreamExt;
use tokio::io::{AsyncRead, AsyncWrite};
use tracing::{debug, debug_span, warn};

use super::{Reading, Session, Writing};
use crate::{
    packet::{RawJson, Reply, RequestPacket, write_reply},
    server::{
        Kind, Reply as Answer, Request,
        call::{Call, Finished},
        routes::Found,
        streaming::{Emission, Streaming},
    },
};

impl<IO: AsyncRead + AsyncWrite + Unpin> Session<IO> {
    /// Runs the handlers of the packets in the segment that was read, of all if the peer takes the replies.
    pub(super) fn take_packets(&mut self, cx: &mut Context<'_>) {
        let queued = self.connection.queued();
        self.reading = Reading::Open;
        while !self.connection.is_congested() {
            match self.connection.next_packet(RequestPacket::read) {
                Ok(Some(packet)) => self.start(packet, cx),
                Ok(None) => return,
                Err(error) => {
                    warn!(error = &error as &dyn std::error::Error, "closing the connection");
                    // In Nest, the handlers of good frames before a bad one in the same segment have run by now, but
                    // not yet answered when the socket closes. What earlier segments asked for has been sent.
                    self.connection.unqueue(queued);
                    return self.stop_writing();
                }
            }
        }
        self.reading = Reading::Paused;
    }

    /// Polls the packet's handler once. Most finish at once; the rest wait aside.
    fn start(&mut self, packet: RequestPacket, cx: &mut Context<'_>) {
        let Found { pattern, handler } = self.routes.find(packet.pattern.as_ref());
        let Some(handler) = handler else {
            return self.refuse(packet.id.as_ref(), pattern.as_deref());
        };
        let span = debug_span!(
            "request",
            pattern = pattern.as_deref(),
            id = packet.id.as_ref().map(RawJson::as_str)
        );
        let request = Request {
            kind: if packet.is_event() { Kind::Event } else { Kind::Message },
            pattern,
            data: packet.data,
            metadata: packet.metadata.filter(|_| self.routes.compat.has_metadata()),
            peer: self.peer,
            extensions: self.extensions.clone(),
        };
        let compat = self.routes.compat;
        let mut call = Call::new(packet.id, span, || handler.start(request, compat));
        match Pin::new(&mut call).poll(cx) {
            Poll::Ready(finished) => self.answer(finished, cx),
            Poll::Pending => self.calls.push(call),
        }
    }

    fn refuse(&mut self, id: Option<&RawJson>, pattern: Option<&str>) {
        match id {
            Some(id) => {
                debug!(pattern, "no handler for this message");
                self.write(id, Reply::NoHandler);
            }
            None => warn!(pattern = pattern.map(excerpt), "no handler for this event"),
        }
    }

    pub(super) fn answer(&mut self, finished: Finished, cx: &mut Context<'_>) {
        let Some(id) = finished.id else {
            return self.calls.extend(finished.rest_of_event());
        };
        match finished.reply {
            Answer::Undefined => self.write(&id, Reply::Completion),
            Answer::Value(value) => self.write(&id, Reply::Last(&value)),
            Answer::Error(error) => self.write(&id, Reply::Error(error.err())),
            Answer::Values(values) => self.stream(Streaming::new(id, values, finished.span), cx),
        }
    }

    /// Sends what a new stream has at once, so that it keeps its place among the replies, and sets it aside.
    fn stream(&mut self, mut streaming: Streaming, cx: &mut Context<'_>) {
        while self.writing == Writing::Open && !self.connection.is_congested() {
            match streaming.poll_next_unpin(cx) {
                Poll::Ready(Some((id, emission))) => self.emit(&id, &emission),
                Poll::Ready(None) => return,
                Poll::Pending => break,
            }
        }
        if self.writing == Writing::Open {
            self.streams.push(streaming);
        }
    }

    pub(super) fn emit(&mut self, id: &RawJson, emission: &Emission) {
        let reply = match emission {
            Emission::Value(value) => Reply::Value(value),
            Emission::Last(value) => Reply::Last(value),
            Emission::Completion => Reply::Completion,
            Emission::Error(error) => Reply::Error(error.err()),
        };
        self.write(id, reply);
    }

    fn write(&mut self, id: &RawJson, reply: Reply<'_>) {
        if self.writing == Writing::Open {
            self.connection.push(|out| write_reply(out, reply, id));
        }
    }
}

/// As much of what a peer has sent as a log should hold: at most 64 characters.
fn excerpt(text: &str) -> &str {
    let end = text.char_indices().nth(64).map_or(text.len(), |(end, _)| end);
    &text[..end]
}
