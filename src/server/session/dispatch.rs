//! Dispatches packets to handlers, and sends their replies.

use std::{
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll},
};

use bytestring::ByteString;
use futures_util::{FutureExt, StreamExt};
use http::Extensions;
use tokio::io::{AsyncRead, AsyncWrite};
use tracing::{
    field::{DisplayValue, display},
    warn,
};

use crate::{
    connection::{ConnectionError, FramingError},
    packet::{Frame, OutgoingReply, RawJson, ReplyId, RequestMembers, RequestPacket},
    server::{
        Reply, Request, RequestKind,
        exchange::{
            budget::is_budget_used_up,
            call::{HandlerCall, drain_event_stream},
            held::hold,
            log_context::LogContext,
            no_handler,
            permit::Permit,
            stream::StreamedReply,
            trace::{RequestTrace, request_span},
        },
        handler::panics::drop_contained,
        limits::LimitExceeded,
        reply::ReplyItem,
        request::Arrived,
        routing::table::{Lookup, Routes},
        session::{
            Pause, Session,
            life::{Event, Life},
            pending_call::PendingCall,
            share::Share,
        },
    },
    telemetry::Outcome,
};

impl<IO: AsyncRead + AsyncWrite + Unpin> Session<IO> {
    /// Runs the handlers of the packets in the segment that was read. Stops early if the peer does
    /// not read its replies or tokio's budget is used up.
    pub(super) fn process_packets(&mut self, cx: &mut Context<'_>, share: &mut Share) {
        let routes = Arc::clone(&self.routes);
        if std::mem::replace(&mut self.pause, Pause::No) != Pause::OutOfBudget {
            self.queued_before = self.connection.queued().try_into().unwrap_or(u32::MAX);
        }
        let mut memory = ByteString::new();
        while !self.connection.is_congested() {
            if self.in_flight.is_interrupted() || is_budget_used_up() {
                self.pause = Pause::OutOfBudget;
                return;
            }
            share.use_one();
            match self.process_packet(&routes, &mut memory, cx) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => return self.break_off(&error),
            }
        }
        self.pause = Pause::Congested;
    }

    /// Closes our side because the peer broke the framing.
    #[cold]
    fn break_off(&mut self, error: &ConnectionError) {
        if self.life.answers()
            && let Some(suppressed) = self.routes.throttles.framing.allow()
        {
            let error = error as &dyn std::error::Error;
            warn!(peer = self.peer(), error, suppressed, "closing the connection");
        }
        // In Nest, the handlers of good frames before a bad one in the same segment have run by
        // now, but have not replied yet when the socket closes. Replies to earlier segments have
        // been sent.
        self.connection.unqueue(self.queued_before as usize);
        self.pass(Event::BadFrame);
    }

    /// Returns the peer's address for the log.
    pub(super) fn peer(&self) -> Option<DisplayValue<SocketAddr>> {
        self.caller.peer.map(display)
    }

    /// Takes the next packet of the segment and runs its handler. Returns true if there was a
    /// packet.
    fn process_packet(
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

    /// Polls the packet's handler once. Most handlers finish at once; the others are set aside.
    fn start(&mut self, routes: &Routes, frame: Frame<'_>, packet: &RequestMembers<'_>, cx: &mut Context<'_>) {
        let id = packet.id.as_ref();
        let mut looked_up = Lookup::default();
        let found = routes.find(packet.pattern, &mut looked_up);
        let origin = LogContext {
            pattern: found.pattern,
            peer: self.caller.peer,
        };
        let Some(handler) = found.handler else {
            found.meters.count(Outcome::NoHandler);
            return self.reply_no_handler(id, origin);
        };
        let kind = kind_of(id);
        let permit = match self.permit(kind) {
            Ok(permit) => permit,
            Err(exceeded) => {
                found.meters.count(Outcome::Refused);
                return self.reply_limit_exceeded(id, exceeded);
            }
        };
        let span = request_span(routes, origin, id, packet.metadata);
        let trace = RequestTrace::new(span, found.meters.begin());
        let keep = |value| frame.keep(value);
        let mut call = HandlerCall::new(kind, trace, origin, || {
            let request = || Request {
                kind,
                pattern: found.pattern.cloned(),
                data: packet.data.map(keep),
                metadata: packet.metadata.filter(|_| routes.compat.has_metadata()).map(keep),
                peer: self.caller.peer,
                extensions: match found.is_registered {
                    true => self.caller.extensions.clone(),
                    false => self.with_packet(frame, packet),
                },
                permit: permit.clone(),
            };
            hold(handler.start(request, routes.compat), permit.clone())
        });
        match call.poll_reply(cx, origin) {
            Poll::Ready(reply) => self.send_reply(id, reply, || call.into_trace(), origin, cx),
            Poll::Pending => self.in_flight.add_call(PendingCall {
                id: id.map(ReplyId::keep),
                origin: origin.kept(),
                call,
            }),
        }
    }

    /// Returns the connection's extensions with the whole packet, which a fallback may forward.
    #[cold]
    fn with_packet(&self, frame: Frame<'_>, packet: &RequestMembers<'_>) -> Extensions {
        let mut extensions = self.caller.extensions.clone();
        extensions.insert(Arrived {
            packet: RequestPacket::trusted(frame.to_text()),
            data: packet.data.map(|data| frame.keep(data)),
            metadata: packet.metadata.map(|metadata| frame.keep(metadata)),
        });
        extensions
    }

    fn reply_no_handler(&mut self, id: Option<&ReplyId<'_>>, origin: LogContext<'_>) {
        no_handler::report(kind_of(id), origin, &self.routes.throttles.no_handler);
        if let Some(id) = id {
            self.write(id.as_str(), OutgoingReply::NoHandler);
        }
    }

    /// Returns a permit for one more call; `Ok(None)` if the number of calls is not limited.
    fn permit(&self, kind: RequestKind) -> Result<Option<Permit>, LimitExceeded> {
        if kind == RequestKind::Message && matches!(self.life, Life::Refusing | Life::Leaving(_)) {
            return Err(LimitExceeded::Stopping);
        }
        match &self.connection_limiter {
            Some(connection_limiter) => connection_limiter.permit(),
            None => Ok(None),
        }
    }

    /// Answers a request that exceeds a limit or comes too late.
    #[cold]
    fn reply_limit_exceeded(&mut self, id: Option<&ReplyId<'_>>, exceeded: LimitExceeded) {
        if let Some(id) = id {
            self.write(id.as_str(), OutgoingReply::Error(&exceeded.err()));
        }
        let Some(connection_limiter) = &self.connection_limiter else {
            return;
        };
        match id {
            Some(_) => connection_limiter.limiter.events.request_refused(exceeded),
            None => connection_limiter.limiter.events.event_dropped(exceeded),
        }
    }

    /// Sends the handler's reply. `trace` is called if the reply is a stream and must be traced
    /// further.
    pub(super) fn send_reply(
        &mut self,
        id: Option<&ReplyId<'_>>,
        reply: Reply,
        trace: impl FnOnce() -> RequestTrace,
        origin: LogContext<'_>,
        cx: &mut Context<'_>,
    ) {
        if let Reply::Error(error) = &reply
            && error.is_no_handler()
        {
            return self.reply_no_handler(id, origin);
        }
        let Some(id) = id else {
            // Polled at once, as everything is before it is set aside.
            let rest = drain_event_stream(reply, trace(), origin);
            if let Some(mut rest) = rest.map(|rest| PendingCall::event(rest, origin))
                && rest.poll_unpin(cx).is_pending()
            {
                self.in_flight.add_rest(rest);
            }
            return;
        };
        match reply {
            Reply::Undefined => {
                self.write(id.as_str(), OutgoingReply::Completion);
            }
            Reply::Value(value) => {
                self.write(id.as_str(), OutgoingReply::Last(&value));
            }
            Reply::Error(error) => {
                self.write(id.as_str(), OutgoingReply::Error(error.err()));
                drop_contained(error);
            }
            Reply::Stream(values) => {
                self.stream(StreamedReply::new(id.keep(), values.into(), origin.kept(), trace()), cx);
            }
            Reply::Items(items) => {
                self.stream(StreamedReply::new(id.keep(), items.into(), origin.kept(), trace()), cx);
            }
        }
    }

    /// Sends what a new stream has at once, so that its values keep their place among the replies,
    /// and sets the stream aside.
    fn stream(&mut self, mut streaming: StreamedReply, cx: &mut Context<'_>) {
        let mut share = Share::new();
        while self.life.answers() && !self.connection.is_congested() && !share.is_used_up() {
            share.use_one();
            match streaming.poll_next_unpin(cx) {
                Poll::Ready(Some((id, item))) => {
                    if !self.emit(&id, item) {
                        return;
                    }
                }
                Poll::Ready(None) => return,
                Poll::Pending => break,
            }
        }
        if self.life.answers() {
            self.in_flight.add_stream(streaming);
        }
        if share.is_used_up() {
            // The stream has more, and nothing else would wake the task.
            cx.waker().wake_by_ref();
        }
    }

    /// Sends an item of a stream. Returns false if the framing refused it: the caller was sent an
    /// error instead, which ends the call.
    pub(super) fn emit(&mut self, id: &RawJson, item: ReplyItem) -> bool {
        let is_sent = self.write(id.as_str(), item.as_outgoing());
        item.drop_contained();
        is_sent
    }

    /// Queues a reply, if replies are sent at all. Returns false if the framing refused it.
    fn write(&mut self, id: &str, reply: OutgoingReply<'_>) -> bool {
        if !self.life.answers() {
            return true;
        }
        match self.connection.push_reply(reply, id) {
            Ok(()) => true,
            Err(error) => {
                self.report_unframeable(&error);
                false
            }
        }
    }

    #[cold]
    fn report_unframeable(&self, error: &FramingError) {
        if let Some(suppressed) = self.routes.throttles.unframeable.allow() {
            let error = &**error as &dyn std::error::Error;
            warn!(peer = self.peer(), error, suppressed, "a reply cannot be framed");
        }
    }
}

/// Returns the kind of a packet with this id: an event has none.
const fn kind_of(id: Option<&ReplyId<'_>>) -> RequestKind {
    match id {
        Some(_) => RequestKind::Message,
        None => RequestKind::Event,
    }
}
