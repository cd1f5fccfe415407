//! A connection without a system below it: the same segment arrives again and again, and a sink
//! checks the replies.
//!
//! Only the measured code runs over it, so that its instructions and allocations can be counted.

use std::{
    cell::Cell,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// One end of a connection on which a segment arrives when the player says so.
#[derive(Debug)]
pub struct Replay {
    player: Player,
    segment: Vec<u8>,
    answer: Vec<u8>,
}

/// Sets how often the segment arrives, and counts how often it was answered.
#[derive(Debug, Clone, Default)]
pub struct Player(Rc<State>);

#[derive(Debug, Default)]
struct State {
    to_come: Cell<u64>,
    answered: Cell<u64>,
}

impl Replay {
    /// Makes a connection on which `segment` arrives, to be answered with `answer` in one write.
    #[must_use]
    pub fn new(segment: Vec<u8>, answer: Vec<u8>) -> (Self, Player) {
        let player = Player::default();
        let link = Self {
            player: player.clone(),
            segment,
            answer,
        };
        (link, player)
    }
}

impl Player {
    /// Makes the segment arrive this number of further times. Poll the connection's reader next.
    pub fn send(&self, times: u64) {
        self.0.to_come.set(self.0.to_come.get() + times);
    }

    /// Returns how often the segment was answered correctly.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.0.answered.get()
    }
}

impl AsyncRead for Replay {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let to_come = &self.player.0.to_come;
        let Some(left) = to_come.get().checked_sub(1) else {
            // The player polls again, so no waker is registered.
            return Poll::Pending;
        };
        to_come.set(left);
        buf.put_slice(&self.segment);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Replay {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        assert!(buf == self.answer, "wrong answer: {}", String::from_utf8_lossy(buf));
        let answered = &self.player.0.answered;
        answered.set(answered.get() + 1);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
