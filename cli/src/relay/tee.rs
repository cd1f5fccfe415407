//! A connection of a server whose bytes are seen as they pass.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Instant,
};

use bytes::Bytes;
use nest_wire::recording::{Content, Event, Side};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::queue::Sender;

/// Sends what passes on connections to a thread.
#[derive(Clone)]
pub(crate) struct Tap {
    events: Sender,
    began: Instant,
    /// The number of the last connection.
    connection: Arc<AtomicU32>,
}

/// A connection with a caller.
pub(crate) struct Tee<IO> {
    io: IO,
    /// `None` if nobody looks.
    seen: Option<Seen>,
}

struct Seen {
    tap: Tap,
    connection: u32,
    /// The sides that have not ended their direction.
    open: [bool; 2],
}

impl Tap {
    pub(crate) fn new(events: Sender, began: Instant) -> Self {
        Self {
            events,
            began,
            connection: Arc::default(),
        }
    }
}

impl<IO> Tee<IO> {
    /// Returns a connection that a caller at this address has opened.
    pub(crate) fn new(io: IO, tap: Option<&Tap>, from: String) -> Self {
        let seen = tap.map(|tap| Seen {
            connection: tap.connection.fetch_add(1, Relaxed) + 1,
            tap: tap.clone(),
            open: [true; 2],
        });
        if let Some(seen) = &seen {
            seen.see(Side::Caller, Content::Opened(from));
        }
        Self { io, seen }
    }

    fn see(&self, from: Side, bytes: &[u8]) {
        if let Some(seen) = &self.seen
            && !bytes.is_empty()
        {
            seen.see(from, Content::Segment(Bytes::copy_from_slice(bytes)));
        }
    }

    fn ended(&mut self, from: Side) {
        if let Some(seen) = &mut self.seen {
            seen.ended(from);
        }
    }
}

impl Seen {
    fn see(&self, from: Side, content: Content) {
        let event = Event::new(self.connection, from, content).at(self.tap.began.elapsed());
        self.tap.events.send(event);
    }

    fn ended(&mut self, from: Side) {
        if std::mem::replace(&mut self.open[usize::from(from == Side::Service)], false) {
            self.see(from, Content::End);
        }
    }
}

/// The server is done with the connection: what it has not ended is aborted.
impl Drop for Seen {
    fn drop(&mut self) {
        match self.open {
            [false, false] => {}
            [true, false] => self.ended(Side::Caller),
            _ => self.see(Side::Service, Content::Reset),
        }
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Tee<IO> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buffer))?;
        let read = &buffer.filled()[before..];
        match read.is_empty() && buffer.remaining() > 0 {
            true => self.ended(Side::Caller),
            false => self.see(Side::Caller, read),
        }
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Tee<IO> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.io).poll_write(cx, bytes))?;
        self.see(Side::Service, &bytes[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.io).poll_write_vectored(cx, pieces))?;
        let mut left = written;
        for piece in pieces {
            let part = &piece[..piece.len().min(left)];
            self.see(Side::Service, part);
            left -= part.len();
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.ended(Side::Service);
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
