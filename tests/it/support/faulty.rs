//! A link that goes wrong as the test says: cut after so many bytes, or giving and taking one byte at a time.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

/// How a link ends once its bytes are used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The peer has closed: reads are at their end, writes fail.
    Closed,
    /// The connection was reset: reads and writes fail.
    Reset,
    /// The peer has vanished: nothing comes any more, and what is written goes nowhere.
    Vanished,
}

/// What is to go wrong with a link. Bytes in either direction count, each for itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    /// After how many bytes read the link is cut.
    pub(crate) read: usize,
    /// After how many bytes written the link is cut.
    pub(crate) written: usize,
    /// How.
    pub(crate) cut: Cut,
    /// How many bytes it takes and gives at a time.
    pub(crate) at_a_time: usize,
}

impl Fault {
    /// Nothing.
    pub(crate) const NONE: Self = Self {
        read: usize::MAX,
        written: usize::MAX,
        cut: Cut::Closed,
        at_a_time: usize::MAX,
    };
}

/// How many bytes a link has carried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Carried {
    pub(crate) read: usize,
    pub(crate) written: usize,
}

/// One end of a link in memory that goes wrong.
#[derive(Debug)]
pub(crate) struct Faulty {
    io: DuplexStream,
    fault: Fault,
    is_cut: bool,
    /// Whether the last attempt to read had to wait a turn, and to write: a slow link does not always answer at once.
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

    /// How many of the bytes that are wanted may go now; every other time a slow link has to be asked again.
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
        // The bytes were written through `part`, which borrows what `buf` has not filled.
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
