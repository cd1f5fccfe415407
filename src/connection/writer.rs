//! The sending half: gathers packets and sends them in as few writes as the system allows.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::BytesMut;
use tokio::io::AsyncWrite;

use super::{
    FramingError, TransportConfig,
    framing::Custom,
    packets::PacketEnds,
    send_buffer::{PIECES, SendBuffer},
};
use crate::{codec, packet::RawJson};

/// Number of queued bytes from which the peer is considered not to be reading.
const CONGESTED: usize = 64 * 1024;
/// Payloads of at least this many bytes are shared with their owner instead of copied.
const LARGE: usize = 32 * 1024;

#[derive(Debug, Default)]
pub(super) struct Writer {
    /// The bytes that are written and not yet sent.
    waiting: SendBuffer,
    /// The ends of the queued packets, if each packet is written separately.
    ends: Option<Box<PacketEnds>>,
}

impl Writer {
    pub(super) fn new(config: &TransportConfig) -> Self {
        Self {
            waiting: SendBuffer::default(),
            ends: config.separate_writes.then(Box::default),
        }
    }

    pub(super) fn push(&mut self, packet: impl FnOnce(&mut BytesMut)) {
        codec::encode_with(self.waiting.gather(), packet);
        self.end_packet();
    }

    pub(super) fn push_text(&mut self, text: &str) {
        codec::encode(text, self.waiting.gather());
        self.end_packet();
    }

    /// Queues the packet with the text of these pieces. `payload` is the second piece as a shared
    /// value, if there is one.
    #[inline(always)]
    pub(super) fn push_pieces(&mut self, pieces: [&str; 5], payload: Option<&RawJson>) {
        let Some(payload) = payload.filter(|payload| payload.as_str().len() >= LARGE) else {
            codec::encode_pieces(pieces, self.waiting.gather());
            return self.end_packet();
        };
        let [before, _, after @ ..] = &pieces;
        let gathered = self.waiting.gather();
        codec::encode_header_of(&pieces, gathered);
        gathered.extend_from_slice(before.as_bytes());
        self.waiting.share(payload.to_bytes());
        for piece in after {
            self.waiting.gather().extend_from_slice(piece.as_bytes());
        }
        self.end_packet();
    }

    /// Queues the packet that `packet` writes, as `framing` frames it.
    ///
    /// # Errors
    /// The framing refuses the packet.
    pub(super) fn push_as(
        &mut self,
        framing: &mut Custom,
        packet: impl FnOnce(&mut BytesMut),
    ) -> Result<(), FramingError> {
        framing.encode(packet, self.waiting.gather())?;
        self.end_packet();
        Ok(())
    }

    #[inline(always)]
    fn end_packet(&mut self) {
        if let Some(ends) = &mut self.ends {
            ends.end_at(self.waiting.len());
        }
    }

    pub(super) fn poll_flush<IO: AsyncWrite + Unpin>(
        &mut self,
        io: &mut IO,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while self.waiting.len() > 0 {
            let sent = ready!(self.poll_write(Pin::new(&mut *io), cx))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.waiting.advance(sent);
            if let Some(ends) = &mut self.ends {
                ends.advance(sent);
            }
        }
        self.waiting.release();
        Pin::new(io).poll_flush(cx)
    }

    fn poll_write<IO: AsyncWrite>(&self, io: Pin<&mut IO>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let limit = self.ends.as_ref().and_then(|ends| ends.first()).unwrap_or(usize::MAX);
        match self.waiting.as_one() {
            Some(all) => io.poll_write(cx, &all[..all.len().min(limit)]),
            None => {
                let mut pieces = [IoSlice::new(&[]); PIECES];
                let count = self.waiting.fill(limit, &mut pieces);
                // A connection without vectored writes takes the first piece that is not empty.
                io.poll_write_vectored(cx, &pieces[..count])
            }
        }
    }

    /// Removes everything written after the first `bytes` queued bytes.
    pub(super) fn truncate(&mut self, bytes: usize) {
        self.waiting.truncate(bytes);
        if let Some(ends) = &mut self.ends {
            ends.truncate(bytes);
        }
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

    /// A peer that takes a given number of bytes at each write, and fails if there are more writes.
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

        fn poll_write_vectored(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            pieces: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let all: Vec<u8> = pieces.iter().flat_map(|piece| piece.to_vec()).collect();
            self.poll_write(cx, &all)
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

    fn separate() -> Writer {
        Writer::new(&TransportConfig::default().separate_writes(true))
    }

    #[tokio::test]
    async fn each_packet_leaves_in_a_write_of_its_own_if_that_is_asked_for() {
        let mut writer = separate();
        writer.push_text("1");
        writer.push_text("\"求\"");
        let before = writer.waiting();
        writer.push_text("taken back");
        writer.truncate(before);
        writer.push(|out| out.extend_from_slice(b"{}"));
        let (result, sent) = flush(&mut writer, &[usize::MAX; 3]).await;
        result.expect("sent");
        assert_eq!(sent, "1#13#\"求\"2#{}");
    }

    #[tokio::test]
    async fn a_large_packet_of_several_pieces_leaves_alone_too() {
        let payload = RawJson::from_value(&"a".repeat(LARGE)).expect("JSON");
        let mut writer = separate();
        writer.push_text("1");
        writer.push_pieces(["[", payload.as_str(), ",", "2", "]"], Some(&payload));
        writer.push_text("3");
        let large = format!("{}#[{payload},2]", LARGE + 2 + 4);
        let (result, sent) = flush(&mut writer, &[usize::MAX, 10, large.len() - 10, usize::MAX]).await;
        result.expect("sent");
        assert!(sent == format!("1#1{large}1#3"));
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

    #[tokio::test]
    async fn a_large_payload_is_not_copied_and_keeps_its_place() {
        let payload = RawJson::from_value(&"求".repeat(LARGE)).expect("JSON");
        let mut writer = writer(&["1"]);
        writer.push_pieces(["[", payload.as_str(), ",", "2", "]"], Some(&payload));
        writer.push(|out| out.extend_from_slice(b"3"));
        let mut pieces = [IoSlice::new(&[]); PIECES];
        assert_eq!(writer.waiting.fill(usize::MAX, &mut pieces), 3);
        assert_eq!(pieces[1].as_ptr(), payload.as_str().as_ptr());
        let all = format!("1#1{}#[{payload},2]1#3", LARGE + 2 + 4);
        let takes = [2, 5, 40_000, 30_000];
        let (result, sent) = flush(
            &mut writer,
            &[&takes[..], &[all.len() - takes.iter().sum::<usize>()]].concat(),
        )
        .await;
        result.expect("sent");
        assert!(sent == all);
    }

    #[test]
    fn what_was_written_last_can_be_taken_back() {
        let mut writer = writer(&["1"]);
        let before = writer.waiting();
        writer.push(|out| out.extend_from_slice(b"2"));
        writer.truncate(before);
        assert_eq!(writer.waiting.as_one(), Some(&b"1#1"[..]));
    }
}
