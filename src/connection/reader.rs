//! The receiving half: splits segments into frames, and has the timer for half-received frames.

use std::{
    cell::Cell,
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytestring::ByteString;
use tokio::{
    io::{AsyncRead, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

use super::{ConnectionError, TransportConfig, framing::Custom};
use crate::{codec::FrameDecoder, packet::Frame};

/// Maximum number of bytes of one read: the same as Node's, so that a flood is split into the same
/// segments.
const SEGMENT: usize = 64 * 1024;

thread_local! {
    /// The buffer for reads. A connection owns memory only for bytes of unfinished frames, so that
    /// ten thousand idle connections cost almost nothing; copying out of this buffer is cheap
    /// compared to the system call. The buffer is taken out during a read, because a connection
    /// that is built on other connections may read those meanwhile.
    static LANDING: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

#[derive(Debug)]
pub(super) struct Reader {
    framer: Framer,
    timeout: Option<Duration>,
    /// Created with the first half-received frame.
    timer: Option<Box<Timer>>,
}

/// The timer of a half-received frame, while it is armed. Boxed as a whole, because most
/// connections never need it.
#[derive(Debug)]
struct Timer {
    sleep: Pin<Box<Sleep>>,
    is_armed: bool,
}

/// Splits the stream into frames.
#[derive(Debug)]
enum Framer {
    Nest(FrameDecoder),
    Custom(Box<Custom>),
}

impl Reader {
    pub(super) fn new(config: &TransportConfig) -> Self {
        let max_buffer_size = config.max_buffer_size;
        let framer = match &config.framing {
            None => Framer::Nest(FrameDecoder::new(max_buffer_size)),
            Some(make) => Framer::Custom(Box::new(Custom::new(make, max_buffer_size))),
        };
        Self {
            framer,
            timeout: config.incomplete_message_timeout,
            timer: None,
        }
    }

    /// Reads one segment. Returns its length in bytes, which is 0 at the end of the stream.
    pub(super) fn poll_segment<IO: AsyncRead + Unpin>(
        &mut self,
        io: &mut IO,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let mut landing = LANDING.take();
        landing.resize(SEGMENT, 0);
        let mut segment = ReadBuf::new(&mut landing);
        let read = Pin::new(io).poll_read(cx, &mut segment);
        let length = segment.filled().len();
        if read.is_ready() {
            match &mut self.framer {
                Framer::Nest(decoder) => decoder.push(&landing[..length]),
                Framer::Custom(custom) => custom.push(&landing[..length]),
            }
        }
        LANDING.set(landing);
        read.map_ok(|()| length)
    }

    /// Returns the next whole frame of the received bytes. `memory` keeps the frame's text; pass an
    /// empty `memory` for each new segment.
    #[inline(always)]
    pub(super) fn next_frame<'s>(&mut self, memory: &'s mut ByteString) -> Result<Option<Frame<'s>>, ConnectionError> {
        match &mut self.framer {
            Framer::Nest(decoder) => match decoder.next_range(memory) {
                Ok(Some(text)) => Ok(Some(Frame::new(memory, &memory[text]))),
                Ok(None) => Ok(None),
                Err(error) => Err(error.into()),
            },
            Framer::Custom(custom) => Ok(custom.next_frame()?.map(|text| {
                *memory = text;
                Frame::from(&*memory)
            })),
        }
    }

    /// Drops all received bytes, whether decoded or not.
    pub(super) fn discard(&mut self) {
        match &mut self.framer {
            Framer::Nest(decoder) => decoder.reset(),
            Framer::Custom(custom) => custom.lose(),
        }
        self.disarm();
    }

    /// Drops the received bytes, as Nest does after any error in them.
    pub(super) fn abandon(&mut self) {
        match &mut self.framer {
            Framer::Nest(decoder) => decoder.abandon(),
            Framer::Custom(custom) => custom.lose(),
        }
    }

    /// Returns true if the end of the stream at this point would be inside a frame.
    pub(super) fn is_mid_frame(&mut self) -> bool {
        match &mut self.framer {
            Framer::Nest(decoder) => decoder.is_mid_frame(),
            Framer::Custom(custom) => custom.is_mid_frame(),
        }
    }

    /// Returns the minimum number of bytes that must arrive before another frame is complete. For a
    /// framing other than Nest's own the number is unknown, and 1 is returned.
    pub(super) fn missing(&self) -> usize {
        match &self.framer {
            Framer::Nest(decoder) => decoder.missing_bytes(),
            Framer::Custom(_) => 1,
        }
    }

    /// Returns the custom framing, or `None` if Nest's own is used.
    pub(super) fn custom(&mut self) -> Option<&mut Custom> {
        match &mut self.framer {
            Framer::Nest(_) => None,
            Framer::Custom(custom) => Some(custom),
        }
    }

    fn disarm(&mut self) {
        if let Some(timer) = &mut self.timer {
            timer.is_armed = false;
        }
    }

    /// Restarts the timer if a frame is half received and stops it otherwise. Call it after each
    /// segment.
    pub(super) fn rearm(&mut self) {
        self.disarm();
        let (true, Some(timeout)) = (self.is_mid_frame(), self.timeout) else {
            return;
        };
        let Some(deadline) = Instant::now().checked_add(timeout) else {
            // A deadline beyond the range of `Instant` never expires.
            return;
        };
        match &mut self.timer {
            Some(timer) => {
                timer.sleep.as_mut().reset(deadline);
                timer.is_armed = true;
            }
            none => {
                let sleep = Box::pin(sleep_until(deadline));
                *none = Some(Box::new(Timer { sleep, is_armed: true }));
            }
        }
    }

    /// Returns `Ready` when a frame has stayed half received for too long, with the timeout that
    /// expired.
    pub(super) fn poll_overdue(&mut self, cx: &mut Context<'_>) -> Poll<Duration> {
        match (&mut self.timer, self.timeout) {
            (Some(timer), Some(timeout)) if timer.is_armed => timer.sleep.as_mut().poll(cx).map(|()| timeout),
            _ => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    /// A connection that reads another one with its own reader, as a tunnel does.
    struct Tunnel<'a> {
        outer: Reader,
        link: &'a [u8],
    }

    impl AsyncRead for Tunnel<'_> {
        fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            let Self { outer, link } = &mut *self;
            let _ = outer.poll_segment(link, cx)?;
            if let Some(frame) = outer.next_frame(&mut ByteString::new()).expect("frames") {
                into.put_slice(frame.as_str().as_bytes());
            }
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn a_link_may_read_another_one_while_it_is_read() {
        let reader = || Reader::new(&TransportConfig::default());
        let mut tunnel = Tunnel {
            outer: reader(),
            link: b"6#4#null2#8#",
        };
        let mut inner = reader();
        let length = poll_fn(|cx| inner.poll_segment(&mut tunnel, cx)).await;
        assert_eq!(length.expect("read"), 6);
        let mut memory = ByteString::new();
        let frame = inner.next_frame(&mut memory).expect("frames");
        assert_eq!(frame.map(Frame::as_str), Some("null"));
    }

    #[tokio::test]
    async fn what_is_discarded_is_forgotten_looked_at_or_not() {
        let mut reader = Reader::new(&TransportConfig::default());
        let mut link: &[u8] = b"9#[1,";
        for rest in [&b"2,"[..], b"3"] {
            poll_fn(|cx| reader.poll_segment(&mut link, cx)).await.expect("bytes");
            reader.discard();
            reader.rearm();
            let Framer::Nest(decoder) = &reader.framer else {
                panic!("the default is Nest's")
            };
            assert!(reader.timer.as_ref().is_none_or(|timer| !timer.is_armed) && decoder.is_at_boundary());
            link = rest;
        }
    }
}
