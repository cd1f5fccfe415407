//! The sending half: gathers what is written and sends it in as few writes as the system allows.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, BytesMut};
use tokio::io::AsyncWrite;

use super::framing::Custom;
use crate::codec;

/// From how many waiting bytes on a peer counts as one that does not read.
const CONGESTED: usize = 64 * 1024;
/// How much of the buffer is kept, in bytes, once all of it is sent.
const KEPT: usize = 16 * 1024;

#[derive(Debug, Default)]
pub(super) struct Writer {
    /// What was written and is not yet sent.
    waiting: BytesMut,
}

impl Writer {
    pub(super) fn push(&mut self, packet: impl FnOnce(&mut BytesMut)) {
        codec::encode_with(&mut self.waiting, packet);
    }

    pub(super) fn push_pieces(&mut self, pieces: [&str; 5]) {
        codec::encode_pieces(pieces, &mut self.waiting);
    }

    pub(super) fn push_as(&mut self, framing: &mut Custom, packet: impl FnOnce(&mut BytesMut)) {
        framing.encode(packet, &mut self.waiting);
    }

    pub(super) fn poll_flush<IO: AsyncWrite + Unpin>(
        &mut self,
        io: &mut IO,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.waiting.is_empty() {
            let sent = ready!(Pin::new(&mut *io).poll_write(cx, &self.waiting))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.waiting.advance(sent);
        }
        if self.waiting.try_reclaim(KEPT + 1) {
            self.waiting = BytesMut::new();
        }
        Pin::new(io).poll_flush(cx)
    }

    /// Takes back what was written after the first `bytes` waiting bytes.
    pub(super) fn truncate(&mut self, bytes: usize) {
        self.waiting.truncate(bytes);
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn is_congested(&self) -> bool {
        self.waiting.len() >= CONGESTED
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::VecDeque, future::poll_fn};

    use super::*;

    /// A peer that takes so many bytes at each write, and counts the writes.
    struct Slow {
        takes: VecDeque<usize>,
        got: Vec<u8>,
    }

    impl AsyncWrite for Slow {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            let take = self.takes.pop_front().expect("no more writes").min(bytes.len());
            self.got.extend_from_slice(&bytes[..take]);
            Poll::Ready(Ok(take))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn writer(texts: &[&str]) -> Writer {
        let mut writer = Writer::default();
        for text in texts {
            writer.push(|out| out.extend_from_slice(text.as_bytes()));
        }
        writer
    }

    async fn flush(writer: &mut Writer, takes: &[usize]) -> (io::Result<()>, String) {
        let mut io = Slow {
            takes: takes.iter().copied().collect(),
            got: Vec::new(),
        };
        let result = poll_fn(|cx| writer.poll_flush(&mut io, cx)).await;
        assert!(io.takes.is_empty(), "fewer writes than expected");
        (result, String::from_utf8(io.got).expect("UTF-8"))
    }

    #[tokio::test]
    async fn packets_that_are_ready_together_leave_in_one_write() {
        let (result, sent) = flush(&mut writer(&["1", "\"求\"", "{}"]), &[usize::MAX]).await;
        result.expect("sent");
        assert_eq!(sent, "1#13#\"求\"2#{}");
    }

    #[tokio::test]
    async fn a_peer_may_take_it_in_pieces() {
        let (result, sent) = flush(&mut writer(&["[1]", "[2]"]), &[1, 3, 1, 5]).await;
        result.expect("sent");
        assert_eq!(sent, "3#[1]3#[2]");
    }

    #[tokio::test]
    async fn a_peer_that_takes_nothing_is_an_error() {
        let (result, _) = flush(&mut writer(&["1"]), &[0]).await;
        assert_eq!(result.expect_err("no progress").kind(), io::ErrorKind::WriteZero);
    }

    #[test]
    fn what_was_written_last_can_be_taken_back() {
        let mut writer = writer(&["1"]);
        let before = writer.waiting();
        writer.push(|out| out.extend_from_slice(b"2"));
        writer.truncate(before);
        assert_eq!(writer.waiting, "1#1");
    }
}
