//! The two halves of a connection put together.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::BytesMut;
use bytestring::ByteString;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    ConnectionError, FramingError, TransportConfig, framing::Custom, low_water::LowWater, reader::Reader,
    writer::Writer,
};
use crate::{
    packet::{Frame, OutgoingReply, PacketError, RawJson, RpcError},
    telemetry::{ConnectionMeter, Fault, Limit},
};

/// A connection that speaks Nest's framing.
///
/// It is driven by its owner: [`poll_segment`](Self::poll_segment) reads,
/// [`next_packet`](Self::next_packet) takes packets out of what was read, [`push`](Self::push)
/// queues one, [`poll_flush`](Self::poll_flush) sends.
///
/// ```
/// use nest_wire::{connection::{TransportConfig, Connection}, packet::IncomingRequest};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (ours, theirs) = tokio::io::duplex(1024);
/// let mut sender = Connection::new(ours, &TransportConfig::default());
/// sender.push(|out| out.extend_from_slice(br#"{"pattern":"log","data":"hi"}"#));
/// sender.flush().await?;
///
/// let mut receiver = Connection::new(theirs, &TransportConfig::default());
/// let packet = receiver.next(IncomingRequest::read).await?.unwrap();
/// assert!(packet.is_event());
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Connection<IO> {
    io: IO,
    low_water: LowWater<IO>,
    reader: Reader,
    writer: Writer,
    max_send_buffer_size: usize,
    meter: ConnectionMeter,
}

/// What one read brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Segment {
    /// Bytes, perhaps with whole frames.
    Received,
    /// The peer has closed its side, cleanly.
    End,
    /// The peer has closed its side inside a frame, which is lost.
    EndInsideFrame,
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Connection<IO> {
    /// Takes over a connection that is already open.
    pub fn new(io: IO, config: &TransportConfig) -> Self
    where
        IO: 'static,
    {
        Self {
            io,
            low_water: LowWater::new(config),
            reader: Reader::new(config),
            writer: Writer::new(config),
            max_send_buffer_size: config.max_send_buffer_size,
            meter: ConnectionMeter::none(),
        }
    }

    /// Returns the same, measured from here on.
    pub(crate) fn metered(self, meter: ConnectionMeter) -> Self {
        Self { meter, ..self }
    }

    /// Reads one segment, of at most 64 KiB as Node's. Take all packets out before reading again.
    ///
    /// # Errors
    /// [`ConnectionError::Io`], and [`ConnectionError::IncompleteMessage`] when a frame is overdue.
    pub fn poll_segment(&mut self, cx: &mut Context<'_>) -> Poll<Result<Segment, ConnectionError>> {
        if let Poll::Ready(read) = self.reader.poll_segment(&mut self.io, cx) {
            return Poll::Ready(Ok(match read? {
                0 if self.reader.is_mid_frame() => {
                    self.meter.fault(Fault::Cut);
                    Segment::EndInsideFrame
                }
                0 => Segment::End,
                bytes => {
                    self.meter.received(bytes);
                    Segment::Received
                }
            }));
        }
        self.low_water.poll(&self.io, self.reader.missing(), cx);
        self.reader.poll_overdue(cx).map(|timeout| {
            self.meter.fault(Fault::Incomplete);
            Err(ConnectionError::IncompleteMessage(timeout))
        })
    }

    /// Takes the next packet out of what has been read; `None` when there is no whole one left.
    /// `read` makes it of the frame's text,
    /// [`IncomingRequest::read`](crate::packet::IncomingRequest::read) for example.
    ///
    /// # Errors
    /// [`ConnectionError::Decode`], [`ConnectionError::CustomFraming`] or
    /// [`ConnectionError::Packet`]. The rest of the segment is then gone, as in Nest, which also
    /// closes its own side of the connection; the connection itself can go on. (With a framing of
    /// your own it finds no more packets.)
    pub fn next_packet<P>(
        &mut self,
        read: impl FnOnce(&ByteString) -> Result<P, PacketError>,
    ) -> Result<Option<P>, ConnectionError> {
        let mut memory = ByteString::new();
        let Some(frame) = self.next_frame(&mut memory)? else {
            return Ok(None);
        };
        read(&frame.to_text()).map(Some).map_err(|error| self.refuse(error))
    }

    /// Takes the next frame out of what has been read, whatever it holds. `memory` keeps it; begin
    /// with an empty one for each segment.
    ///
    /// # Errors
    /// [`ConnectionError::Decode`] and [`ConnectionError::CustomFraming`], as
    /// [`next_packet`](Self::next_packet).
    #[inline(always)]
    pub(crate) fn next_frame<'s>(&mut self, memory: &'s mut ByteString) -> Result<Option<Frame<'s>>, ConnectionError> {
        match self.reader.next_frame(memory) {
            Ok(Some(frame)) => Ok(Some(frame)),
            Ok(None) => {
                self.reader.rearm();
                Ok(None)
            }
            Err(error) => Err(self.unframed(error)),
        }
    }

    #[cold]
    fn unframed(&mut self, error: ConnectionError) -> ConnectionError {
        self.meter.fault(Fault::Framing);
        self.abandon();
        error
    }

    /// Forgets the rest of the segment, for that is what becomes of it when a frame holds no
    /// packet.
    pub(crate) fn refuse(&mut self, error: PacketError) -> ConnectionError {
        self.meter.fault(Fault::Packet);
        self.abandon();
        error.into()
    }

    /// Returns whether a frame is half received.
    pub(crate) fn is_mid_frame(&mut self) -> bool {
        self.reader.is_mid_frame()
    }

    /// Forgets all that has been read and not taken out, half a frame included.
    pub(crate) fn discard(&mut self) {
        self.reader.discard();
    }

    /// Gives a peer that is in the middle of a frame all its time again, because we did not read
    /// meanwhile.
    pub(crate) fn rearm(&mut self) {
        self.reader.rearm();
    }

    /// Forgets the rest of the segment.
    fn abandon(&mut self) {
        self.reader.abandon();
        self.reader.rearm();
    }

    /// Reads until there is a packet; `None` at the end of the stream.
    ///
    /// # Errors
    /// As [`poll_segment`](Self::poll_segment) and [`next_packet`](Self::next_packet); a stream
    /// that ends inside a frame is [`ConnectionError::Io`] with [`io::ErrorKind::UnexpectedEof`].
    pub async fn next<P>(
        &mut self,
        read: impl Fn(&ByteString) -> Result<P, PacketError>,
    ) -> Result<Option<P>, ConnectionError> {
        loop {
            if let Some(packet) = self.next_packet(&read)? {
                return Ok(Some(packet));
            }
            match poll_fn(|cx| self.poll_segment(cx)).await? {
                Segment::Received => {}
                Segment::End => return Ok(None),
                Segment::EndInsideFrame => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            }
        }
    }

    /// Queues the packet whose JSON text `write` appends. It is framed here.
    pub fn push(&mut self, write: impl FnOnce(&mut BytesMut)) {
        match self.reader.custom() {
            None => self.writer.push(write),
            Some(custom) => {
                if let Err(error) = self.writer.push_as(custom, write) {
                    custom.fail(error);
                }
            }
        }
    }

    /// Queues a reply to the request whose id is this JSON text.
    ///
    /// # Errors
    /// The framing in use refuses it; Nest's own refuses none. The caller gets an error in its
    /// place, so that it does not wait for ever.
    pub(crate) fn push_reply(&mut self, reply: OutgoingReply<'_>, id: &str) -> Result<(), FramingError> {
        match reply {
            // Nearly all are: its pieces, known here, are copied without a look at how long they
            // are.
            last @ OutgoingReply::Last(_) => self.push_pieces(last.pieces(id), last.payload(), id),
            other => self.push_pieces(other.pieces(id), other.payload(), id),
        }
    }

    /// Queues the packet of this text.
    ///
    /// # Errors
    /// The framing in use refuses it; Nest's own refuses none.
    #[inline]
    pub(crate) fn push_text(&mut self, text: &str) -> Result<(), FramingError> {
        match self.reader.custom() {
            None => {
                self.writer.push_text(text);
                Ok(())
            }
            Some(custom) => self
                .writer
                .push_as(custom, |out| out.extend_from_slice(text.as_bytes())),
        }
    }

    /// Returns true if writing a packet runs code that is not ours.
    pub(crate) fn is_custom(&mut self) -> bool {
        self.reader.custom().is_some()
    }

    /// Queues the packet whose text is in these pieces, of which the first, third and fifth are
    /// ASCII. The second is not copied if it is large and somebody has it: `payload`.
    #[inline(always)]
    fn push_pieces(&mut self, pieces: [&str; 5], payload: Option<&RawJson>, id: &str) -> Result<(), FramingError> {
        if self.reader.custom().is_none() {
            self.writer.push_pieces(pieces, payload);
            return Ok(());
        }
        self.push_custom(pieces, id)
    }

    /// As [`push_pieces`](Self::push_pieces), in the user's own framing.
    #[cold]
    fn push_custom(&mut self, pieces: [&str; 5], id: &str) -> Result<(), FramingError> {
        let Some(custom) = self.reader.custom() else {
            return Ok(());
        };
        let mut push = |pieces: [&str; 5]| {
            self.writer.push_as(custom, |out| {
                pieces.iter().for_each(|piece| out.extend_from_slice(piece.as_bytes()));
            })
        };
        let Err(error) = push(pieces) else { return Ok(()) };
        let internal = RpcError::internal();
        if let Err(error) = push(OutgoingReply::Error(internal.err()).pieces(id)) {
            custom.fail(error);
        }
        Err(error)
    }

    /// Sends what is queued; ready when all of it is.
    ///
    /// # Errors
    /// [`ConnectionError::Io`], [`ConnectionError::SendBufferFull`] when more than the limit is
    /// left unsent, and [`ConnectionError::Encode`] when a packet could not be queued.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ConnectionError>> {
        let queued = self.writer.waiting();
        let flushed = self.writer.poll_flush(&mut self.io, cx);
        self.meter.sent(queued - self.writer.waiting());
        match flushed {
            Poll::Ready(Ok(())) => Poll::Ready(self.reader.custom().map_or(Ok(()), Custom::check)),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error.into())),
            Poll::Pending if self.writer.waiting() > self.max_send_buffer_size => {
                self.meter.limited(Limit::MaxSendBufferSize);
                Poll::Ready(Err(ConnectionError::SendBufferFull {
                    buffered: self.writer.waiting(),
                    limit: self.max_send_buffer_size,
                }))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// Sends what is queued.
    ///
    /// # Errors
    /// As [`poll_flush`](Self::poll_flush).
    pub async fn flush(&mut self) -> Result<(), ConnectionError> {
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// Sends what is queued and then closes our side; the peer may go on sending.
    ///
    /// # Errors
    /// As [`poll_flush`](Self::poll_flush).
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ConnectionError>> {
        ready!(self.poll_flush(cx))?;
        Pin::new(&mut self.io).poll_shutdown(cx).map_err(Into::into)
    }

    /// Returns how many bytes are queued.
    pub(crate) fn queued(&self) -> usize {
        self.writer.waiting()
    }

    /// Takes back what was queued after the first `bytes` queued bytes.
    pub(crate) fn unqueue(&mut self, bytes: usize) {
        self.writer.truncate(bytes);
    }

    /// Returns true if so much is queued that the peer should be left unread until it has taken
    /// some.
    pub(crate) fn is_congested(&self) -> bool {
        self.writer.is_congested()
    }
}
