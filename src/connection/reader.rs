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

use crate::codec::{FrameDecoder, FrameError};

/// How many bytes one read takes at most: as many as Node's, so that a flood is cut into the same segments.
const SEGMENT: usize = 64 * 1024;

thread_local! {
    /// Where reads land. A connection owns memory only for bytes that wait to become a frame, so that ten thousand
    /// idle ones cost next to nothing; the copy out of here is small beside the system call.
    /// It is taken out for the time of a read, in which a link that is made of other links may read those.
    static LANDING: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

#[derive(Debug)]
pub(super) struct Reader {
    /// In UTF-16 units.
    max_buffer_size: usize,
    decoder: FrameDecoder,
    timeout: Option<Duration>,
    /// Exists from the first half-received frame on; counts only while `is_armed`.
    timer: Option<Pin<Box<Sleep>>>,
    is_armed: bool,
}

impl Reader {
    pub(super) fn new(max_buffer_size: usize, timeout: Option<Duration>) -> Self {
        Self {
            max_buffer_size,
            decoder: FrameDecoder::new(max_buffer_size),
            timeout,
            timer: None,
            is_armed: false,
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
            self.decoder.push(&landing[..length]);
        }
        LANDING.set(landing);
        read.map_ok(|()| length)
    }

    /// The next whole frame of what has arrived.
    pub(super) fn next_frame(&mut self) -> Result<Option<ByteString>, FrameError> {
        self.decoder.next_frame()
    }

    /// Forgets all that has arrived, looked at or not.
    pub(super) fn discard(&mut self) {
        self.decoder = FrameDecoder::new(self.max_buffer_size);
        self.is_armed = false;
    }

    /// Forgets what has arrived, as Nest does after any error in it.
    pub(super) fn abandon(&mut self) {
        self.decoder.abandon();
    }

    /// Whether the stream, should it end now, would end inside a frame.
    pub(super) fn is_mid_frame(&self) -> bool {
        self.decoder.is_mid_frame()
    }

    /// Starts the timer anew if a frame is half received and stops it if none is. To be called after each segment.
    pub(super) fn rearm(&mut self) {
        self.is_armed = false;
        let (true, Some(timeout)) = (self.is_mid_frame(), self.timeout) else {
            return;
        };
        let Some(deadline) = Instant::now().checked_add(timeout) else {
            // Later than time goes is never.
            return;
        };
        self.is_armed = true;
        match &mut self.timer {
            Some(timer) => timer.as_mut().reset(deadline),
            none => *none = Some(Box::pin(sleep_until(deadline))),
        }
    }

    /// Ready when the peer has left a frame half sent for too long; with the time that it had.
    pub(super) fn poll_overdue(&mut self, cx: &mut Context<'_>) -> Poll<Duration> {
        match (self.is_armed, &mut self.timer, self.timeout) {
            (true, Some(timer), Some(timeout)) => timer.as_mut().poll(cx).map(|()| timeout),
            _ => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    /// A link that reads another one with a reader of its own, as a tunnel does.
    struct Tunnel<'a> {
        outer: Reader,
        link: &'a [u8],
    }

    impl AsyncRead for Tunnel<'_> {
        fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            let Self { outer, link } = &mut *self;
            let _ = outer.poll_segment(link, cx)?;
            if let Some(frame) = outer.next_frame().expect("frames") {
                into.put_slice(frame.as_bytes());
            }
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn a_link_may_read_another_one_while_it_is_read() {
        let reader = || Reader::new(100, None);
        let mut tunnel = Tunnel {
            outer: reader(),
            link: b"6#4#null2#8#",
        };
        let mut inner = reader();
        let length = poll_fn(|cx| inner.poll_segment(&mut tunnel, cx)).await;
        assert_eq!(length.expect("read"), 6);
        assert_eq!(inner.next_frame().expect("frames").as_deref(), Some("null"));
    }

    #[tokio::test]
    async fn what_is_discarded_is_forgotten_looked_at_or_not() {
        let mut reader = Reader::new(100, Some(Duration::from_secs(1)));
        let mut link: &[u8] = b"9#[1,";
        for rest in [&b"2,"[..], b"3"] {
            poll_fn(|cx| reader.poll_segment(&mut link, cx)).await.expect("bytes");
            reader.discard();
            reader.rearm();
            assert!(!reader.is_mid_frame() && !reader.is_armed && reader.decoder.is_at_boundary());
            link = rest;
        }
    }
}
