//! The two halves of a connection combined.

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

/// A connection with Nest's framing.
///
/// The owner drives the connection: [`poll_segment`](Self::poll_segment) reads,
/// [`next_packet`](Self::next_packet) takes packets from the bytes read, [`push`](Self::push)
/// queues a packet, [`poll_flush`](Self::poll_flush) sends the queue.
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

/// The result of one read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Segment {
    /// Bytes, perhaps with whole frames.
    Received,
    /// The peer has closed its side, cleanly.
    End,
    /// The peer has closed its side inside a frame. The bytes of that frame are lost.
    EndInsideFrame,
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Connection<IO> {
    /// Returns a connection over `io`, which is already open.
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

    /// Returns the same connection, with metrics recorded by `meter` from now on.
    pub(crate) fn metered(self, meter: ConnectionMeter) -> Self {
        Self { meter, ..self }
    }

    /// Reads one segment of at most 64 KiB, like Node. Take all packets out before reading again.
    ///
    /// # Errors
    /// [`ConnectionError::Io`], and [`ConnectionError::IncompleteMessage`] if a frame was not
    /// finished within the timeout.
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

    /// Takes the next packet from the bytes that have been read. Returns `None` if no whole packet
    /// is left. `read` parses the frame's text, for example
    /// [`IncomingRequest::read`](crate::packet::IncomingRequest::read).
    ///
    /// # Errors
    /// [`ConnectionError::Decode`], [`ConnectionError::CustomFraming`] or
    /// [`ConnectionError::Packet`]. The rest of the segment is then dropped, as in Nest, which also
    /// closes its own side of the connection; the connection itself can continue. (With a framing
    /// of your own, no more packets are found.)
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

    /// Takes the next frame from the bytes that have been read, whatever its content. Returns
    /// `None` if no whole frame is left. `memory` keeps the frame's text; pass an empty `memory`
    /// for each new segment.
    ///
    /// # Errors
    /// [`ConnectionError::Decode`] and [`ConnectionError::CustomFraming`], as in
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

    /// Drops the rest of the segment, as Nest does when a frame is not a packet. Returns the error
    /// to report.
    pub(crate) fn refuse(&mut self, error: PacketError) -> ConnectionError {
        self.meter.fault(Fault::Packet);
        self.abandon();
        error.into()
    }

    /// Returns true if a frame is half received.
    pub(crate) fn is_mid_frame(&mut self) -> bool {
        self.reader.is_mid_frame()
    }

    /// Drops all bytes that have been read and not taken out, including half a frame.
    pub(crate) fn discard(&mut self) {
        self.reader.discard();
    }

    /// Restarts the timeout of a half-received frame, because the connection was not read in the
    /// meantime.
    pub(crate) fn rearm(&mut self) {
        self.reader.rearm();
    }

    /// Drops the rest of the segment.
    fn abandon(&mut self) {
        self.reader.abandon();
        self.reader.rearm();
    }

    /// Reads until a packet is complete. Returns the packet, or `None` at the end of the stream.
    ///
    /// # Errors
    /// Those of [`poll_segment`](Self::poll_segment) and [`next_packet`](Self::next_packet); a
    /// stream that ends inside a frame is [`ConnectionError::Io`] with
    /// [`io::ErrorKind::UnexpectedEof`].
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

    /// Queues the packet that `write` appends as JSON text. The packet is framed here.
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

    /// Queues a reply to the request with this `id`, which is JSON text.
    ///
    /// # Errors
    /// The framing in use refuses the reply; Nest's own refuses none. The caller receives an error
    /// instead, so that the caller does not wait forever.
    pub(crate) fn push_reply(&mut self, reply: OutgoingReply<'_>, id: &str) -> Result<(), FramingError> {
        match reply {
            // Nearly all replies are of this kind. Its constant pieces are known here at compile
            // time, so they are copied without checking their lengths.
            last @ OutgoingReply::Last(_) => self.push_pieces(last.pieces(id), last.payload(), id),
            packet @ OutgoingReply::Packet(_) => self.push_packet(packet, id),
            other => self.push_pieces(other.pieces(id), other.payload(), id),
        }
    }

    /// Queues a packet whose pieces may all be anything.
    #[cold]
    fn push_packet(&mut self, packet: OutgoingReply<'_>, id: &str) -> Result<(), FramingError> {
        match self.reader.custom() {
            None => {
                self.writer.push_text(&packet.pieces(id).concat());
                Ok(())
            }
            Some(_) => self.push_custom(packet.pieces(id), id),
        }
    }

    /// Queues the packet with this text.
    ///
    /// # Errors
    /// The framing in use refuses the packet; Nest's own refuses none.
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

    /// Returns true if writing a packet runs user-supplied code.
    pub(crate) fn is_custom(&mut self) -> bool {
        self.reader.custom().is_some()
    }

    /// Queues the packet with the text of these pieces, of which the first, third and fifth are
    /// ASCII. `payload` is the second piece as a shared value, if there is one, so that a large
    /// payload is not copied.
    #[inline(always)]
    fn push_pieces(&mut self, pieces: [&str; 5], payload: Option<&RawJson>, id: &str) -> Result<(), FramingError> {
        if self.reader.custom().is_none() {
            self.writer.push_pieces(pieces, payload);
            return Ok(());
        }
        self.push_custom(pieces, id)
    }

    /// Queues the packet as [`push_pieces`](Self::push_pieces) does, in the user's own framing.
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

    /// Sends the queued bytes. Returns `Ready` when all of them are sent.
    ///
    /// # Errors
    /// [`ConnectionError::Io`], [`ConnectionError::SendBufferFull`] if the unsent bytes exceed the
    /// limit, and [`ConnectionError::Encode`] if a packet could not be queued.
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

    /// Sends the queued bytes.
    ///
    /// # Errors
    /// Those of [`poll_flush`](Self::poll_flush).
    pub async fn flush(&mut self) -> Result<(), ConnectionError> {
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// Sends the queued bytes and then closes this side; the peer may continue to send.
    ///
    /// # Errors
    /// Those of [`poll_flush`](Self::poll_flush).
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ConnectionError>> {
        ready!(self.poll_flush(cx))?;
        Pin::new(&mut self.io).poll_shutdown(cx).map_err(Into::into)
    }

    /// Returns the number of queued bytes.
    pub(crate) fn queued(&self) -> usize {
        self.writer.waiting()
    }

    /// Removes everything queued after the first `bytes` bytes of the queue.
    pub(crate) fn unqueue(&mut self, bytes: usize) {
        self.writer.truncate(bytes);
    }

    /// Returns true if so many bytes are queued that the connection should not read from the peer
    /// until the peer has read some of them.
    pub(crate) fn is_congested(&self) -> bool {
        self.writer.is_congested()
    }
}
