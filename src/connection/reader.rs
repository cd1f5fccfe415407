//! The receiving half: from segments to frames, with the timer that watches half-received ones.

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

/// How many bytes one read takes at most: as many as Node's, so that a flood is cut into the same
/// segments.
const SEGMENT: usize = 64 * 1024;

thread_local! {
    /// Where reads land. A connection owns memory only for bytes that wait to become a frame, so
    /// that ten thousand idle ones cost next to nothing; the copy out of here is small beside the
    /// system call. It is taken out for the time of a read, in which a connection that is made of
    /// other connections may read those.
    static LANDING: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

#[derive(Debug)]
pub(super) struct Reader {
    framer: Framer,
    timeout: Option<Duration>,
    /// Exists from the first half-received frame on.
    timer: Option<Box<Timer>>,
}

/// Watches a half-received frame while it is armed. Boxed as a whole: most connections never have
/// one.
#[derive(Debug)]
struct Timer {
    sleep: Pin<Box<Sleep>>,
    is_armed: bool,
}

/// What cuts frames out of the stream.
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

    /// Reads one segment; how many bytes it has, 0 at the end of the stream.
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

    /// Returns the next whole frame of what has arrived. `memory` keeps it; begin with an empty one
    /// for each segment.
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

    /// Forgets all that has arrived, looked at or not.
    pub(super) fn discard(&mut self) {
        match &mut self.framer {
            Framer::Nest(decoder) => decoder.reset(),
            Framer::Custom(custom) => custom.lose(),
        }
        self.disarm();
    }

    /// Forgets what has arrived, as Nest does after any error in it.
    pub(super) fn abandon(&mut self) {
        match &mut self.framer {
            Framer::Nest(decoder) => decoder.abandon(),
            Framer::Custom(custom) => custom.lose(),
        }
    }

    /// Returns true if the stream, should it end now, would end inside a frame.
    pub(super) fn is_mid_frame(&mut self) -> bool {
        match &mut self.framer {
            Framer::Nest(decoder) => decoder.is_mid_frame(),
            Framer::Custom(custom) => custom.is_mid_frame(),
        }
    }

    /// Returns how many bytes have to arrive at least before there is another whole frame. Of a
    /// framing that is not Nest's own this is not known.
    pub(super) fn missing(&self) -> usize {
        match &self.framer {
            Framer::Nest(decoder) => decoder.missing_bytes(),
            Framer::Custom(_) => 1,
        }
    }

    /// Returns the framing, if it is not Nest's own.
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

    /// Starts the timer anew if a frame is half received and stops it if none is. To be called
    /// after each segment.
    pub(super) fn rearm(&mut self) {
        self.disarm();
        let (true, Some(timeout)) = (self.is_mid_frame(), self.timeout) else {
            return;
        };
        let Some(deadline) = Instant::now().checked_add(timeout) else {
            // Later than time goes is never.
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

    /// Ready when the peer has left a frame half sent for too long; with the time that it had.
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

    /// A connection that reads another one with a reader of its own, as a tunnel does.
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
