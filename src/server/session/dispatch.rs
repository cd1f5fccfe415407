//! From packets to handlers, and from what they give back to replies.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use bytestring::ByteString;
use futures_util::{FutureExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tracing::{debug, warn};

use super::{Reading, Session, Writing};
use crate::{
    connection::ConnectionError,
    packet::{Frame, RawJson, ReplyBody, ReplyId, RequestMembers},
    server::{
        Kind, Reply, Request,
        call::{Call, Waiting, rest_of_event},
        limits::{Place, Refusal, hold},
        routes::{Routes, Target},
        streaming::{Emission, Streaming},
        watch::{Origin, Watch, request_span},
    },
    telemetry::Outcome,
};

impl<IO: AsyncRead + AsyncWrite + Unpin> Session<IO> {
    /// Runs the handlers of the packets in the segment that was read, of all if the peer takes the replies.
    pub(super) fn take_packets(&mut self, cx: &mut Context<'_>) {
        let routes = Arc::clone(&self.routes);
        let queued = self.connection.queued();
        let mut memory = ByteString::new();
        self.reading = Reading::Open;
        while !self.connection.is_congested() {
            match self.take_packet(&routes, &mut memory, cx) {
                Ok(true) => {}
                Ok(false) => return,
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

    /// Whether there was one.
    fn take_packet(
        &mut self,
        routes: &Routes,
        memory: &mut ByteString,
        cx: &mut Context<'_>,
    ) -> Result<bool, ConnectionError> {
        let Some(frame) = self.connection.next_frame(memory)? else {
            return Ok(false);
        };
        let packet = RequestMembers::read(frame);
        if let Ok(packet) = &packet {
            self.start(routes, frame, packet, cx);
        }
        packet.map(|_| true).map_err(|error| self.connection.refuse(error))
    }

    /// Polls the packet's handler once. Most finish at once; the rest wait aside.
    fn start(&mut self, routes: &Routes, frame: Frame<'_>, packet: &RequestMembers<'_>, cx: &mut Context<'_>) {
        let id = packet.id.as_ref();
        let mut looked_up = Target::default();
        let found = routes.find(packet.pattern, &mut looked_up);
        let origin = Origin {
            pattern: found.pattern,
            peer: self.caller.peer,
        };
        let Some(handler) = found.handler else {
            found.meters.count(Outcome::NoHandler);
            return self.refuse(id, origin);
        };
        let place = match self.place() {
            Ok(place) => place,
            Err(refusal) => {
                found.meters.count(Outcome::Refused);
                return self.turn_down(id, refusal);
            }
        };
        let kind = if id.is_some() { Kind::Message } else { Kind::Event };
        let span = request_span(routes, origin, id, packet.metadata);
        let watch = Watch::new(span, found.meters.begin());
        let keep = |value| frame.keep(value);
        let mut call = Call::new(kind, watch, origin, || {
            let request = || Request {
                kind,
                pattern: found.pattern.cloned(),
                data: packet.data.map(keep),
                metadata: packet.metadata.filter(|_| routes.compat.has_metadata()).map(keep),
                peer: self.caller.peer,
                extensions: self.caller.extensions.clone(),
            };
            hold(handler.start(request, routes.compat), place)
        });
        match call.poll_reply(cx, origin) {
            Poll::Ready(reply) => self.settle(id, reply, || call.into_watch(), origin, cx),
            Poll::Pending => self.waits.add_call(Waiting {
                id: id.map(ReplyId::keep),
                origin: origin.kept(),
                call,
            }),
        }
    }

    fn refuse(&mut self, id: Option<&ReplyId<'_>>, origin: Origin<'_>) {
        let (pattern, peer) = (origin.pattern(), origin.peer.map(tracing::field::display));
        match id {
            Some(id) => {
                debug!(pattern, peer, "no handler for this message");
                self.write(id.as_str(), ReplyBody::NoHandler);
            }
            None => warn!(pattern, peer, "no handler for this event"),
        }
    }

    /// What takes one more in flight; `Ok(None)` if that is not limited.
    fn place(&self) -> Result<Option<Place>, Refusal> {
        match &self.warden {
            Some(warden) => warden.place(self.waits.len()),
            None => Ok(None),
        }
    }

    /// Tells the caller that it is past a limit.
    #[cold]
    fn turn_down(&mut self, id: Option<&ReplyId<'_>>, refusal: Refusal) {
        if let Some(id) = id {
            self.write(id.as_str(), ReplyBody::Error(&refusal.err()));
        }
        let Some(warden) = &self.warden else { return };
        match id {
            Some(_) => warden.ledger.notices.request_refused(refusal),
            None => warden.ledger.notices.event_dropped(refusal),
        }
    }

    /// Does with a handler's answer what is to be done. `watch` is what goes on watching if more is to come.
    pub(super) fn settle(
        &mut self,
        id: Option<&ReplyId<'_>>,
        reply: Reply,
        watch: impl FnOnce() -> Watch,
        origin: Origin<'_>,
        cx: &mut Context<'_>,
    ) {
        let Some(id) = id else {
            // Polled here and now, as everything is before it is set aside.
            if let Some(mut rest) = rest_of_event(reply, watch(), origin)
                && rest.poll_unpin(cx).is_pending()
            {
                self.waits.add_call(rest);
            }
            return;
        };
        match reply {
            Reply::Undefined => self.write(id.as_str(), ReplyBody::Completion),
            Reply::Value(value) => self.write(id.as_str(), ReplyBody::Last(&value)),
            Reply::Error(error) => self.write(id.as_str(), ReplyBody::Error(error.err())),
            Reply::Values(values) => {
                self.stream(Streaming::new(id.keep(), values, origin.kept(), watch()), cx);
            }
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
            self.waits.add_stream(streaming);
        }
    }

    pub(super) fn emit(&mut self, id: &RawJson, emission: &Emission) {
        let reply = match emission {
            Emission::Value(value) => ReplyBody::Value(value),
            Emission::Last(value) => ReplyBody::Last(value),
            Emission::Completion => ReplyBody::Completion,
            Emission::Error(error) => ReplyBody::Error(error.err()),
        };
        self.write(id.as_str(), reply);
    }

    fn write(&mut self, id: &str, reply: ReplyBody<'_>) {
        if self.writing == Writing::Open {
            self.connection.push_reply(reply, id);
        }
    }
}
