//! A link without a system below it: the same segment again and again, and a sink that checks what is answered.
//!
//! What runs over it is nothing but the code under measurement, so that its instructions and allocations can be counted.

use std::{
    cell::Cell,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// One end of a link on which a segment arrives whenever the player says so.
#[derive(Debug)]
pub struct Replay {
    player: Player,
    segment: Vec<u8>,
    answer: Vec<u8>,
}

/// Says how often the segment arrives, and knows how often it was answered.
#[derive(Debug, Clone, Default)]
pub struct Player(Rc<State>);

#[derive(Debug, Default)]
struct State {
    to_come: Cell<u64>,
    answered: Cell<u64>,
}

impl Replay {
    /// A link on which `segment` arrives, to be answered with `answer` in one write.
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
    /// Has the segment arrive so many more times. Poll whoever reads the link next.
    pub fn send(&self, times: u64) {
        self.0.to_come.set(self.0.to_come.get() + times);
    }

    /// How often the segment was answered, rightly.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.0.answered.get()
    }
}

impl AsyncRead for Replay {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let to_come = &self.player.0.to_come;
        let Some(left) = to_come.get().checked_sub(1) else {
            // Whoever plays polls again: there is no one to be woken.
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
