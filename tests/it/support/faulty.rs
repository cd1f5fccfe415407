//! A connection with a fault: cut after a number of bytes, or carrying one byte at a time.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

/// The end of a connection after its last byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The peer has closed: reads reach the end, writes fail.
    Closed,
    /// The connection was reset: reads and writes fail.
    Reset,
    /// The peer has vanished: nothing arrives any more, and written bytes are lost.
    Vanished,
}

/// The faults of a connection. The bytes of each direction are counted separately.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    /// Number of read bytes after which the connection is cut.
    pub(crate) read: usize,
    /// Number of written bytes after which the connection is cut.
    pub(crate) written: usize,
    /// The way in which it is cut.
    pub(crate) cut: Cut,
    /// Number of bytes that it carries at a time.
    pub(crate) at_a_time: usize,
}

impl Fault {
    /// No fault.
    pub(crate) const NONE: Self = Self {
        read: usize::MAX,
        written: usize::MAX,
        cut: Cut::Closed,
        at_a_time: usize::MAX,
    };
}

/// The number of bytes that a connection has carried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Carried {
    pub(crate) read: usize,
    pub(crate) written: usize,
}

/// One end of a faulty connection in memory.
#[derive(Debug)]
pub(crate) struct Faulty {
    io: DuplexStream,
    fault: Fault,
    is_cut: bool,
    /// Whether the last read, and the last write, had to be repeated: a slow connection is not
    /// always ready.
    paused: [bool; 2],
    carried: Arc<Mutex<Carried>>,
}

impl Faulty {
    pub(crate) fn new(io: DuplexStream, fault: Fault, carried: Arc<Mutex<Carried>>) -> Self {
        Self {
            io,
            fault,
            is_cut: false,
            paused: [false; 2],
            carried,
        }
    }

    fn carried(&self) -> Carried {
        *self.carried.lock().expect("no panic")
    }

    /// Returns how many of the wanted bytes may pass now. A slow connection is ready every other
    /// time only.
    fn allow(&mut self, direction: usize, wanted: usize, left: usize, cx: &Context<'_>) -> Poll<usize> {
        if self.fault.at_a_time != usize::MAX {
            self.paused[direction] = !self.paused[direction];
            if self.paused[direction] {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        self.is_cut |= left == 0;
        Poll::Ready(wanted.min(left).min(self.fault.at_a_time))
    }
}

impl AsyncRead for Faulty {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let left = self.fault.read.saturating_sub(self.carried().read);
        let allowed = ready!(self.allow(0, buf.remaining(), left, cx));
        if self.is_cut {
            return match self.fault.cut {
                Cut::Closed => Poll::Ready(Ok(())),
                Cut::Reset => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
                Cut::Vanished => Poll::Pending,
            };
        }
        let mut part = buf.take(allowed);
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut part))?;
        let count = part.filled().len();
        // The bytes were written through `part`, which borrows the unfilled part of `buf`.
        let filled = part.filled().to_vec();
        buf.put_slice(&filled);
        self.carried.lock().expect("no panic").read += count;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Faulty {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let left = self.fault.written.saturating_sub(self.carried().written);
        let allowed = ready!(self.allow(1, bytes.len(), left, cx));
        if self.is_cut {
            return match self.fault.cut {
                Cut::Closed => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
                Cut::Reset => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
                Cut::Vanished => Poll::Ready(Ok(bytes.len())),
            };
        }
        let count = ready!(Pin::new(&mut self.io).poll_write(cx, &bytes[..allowed]))?;
        self.carried.lock().expect("no panic").written += count;
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
