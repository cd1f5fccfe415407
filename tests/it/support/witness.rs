//! A connection in memory that records its state when its client drops it.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, ready},
};

use nest_wire::client::{Client, ClientBuilder, Target};
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex},
    sync::mpsc,
};

use super::Peer;

/// The state of a connection when it was dropped. Over TCP, if the peer has not closed its side,
/// its further data causes a reset, and data that it has not read is lost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Farewell {
    /// Whether the client's side had been closed.
    pub(crate) is_shut: bool,
    /// Whether everything had been read, up to the end of what the peer sent.
    pub(crate) has_read_all: bool,
}

impl Farewell {
    pub(crate) const IN_ORDER: Self = Self {
        is_shut: true,
        has_read_all: true,
    };
}

/// The dropped connections, in the order of their drops.
#[derive(Debug, Clone, Default)]
pub(crate) struct Farewells(Arc<Mutex<Vec<Farewell>>>);

impl Farewells {
    pub(crate) fn all(&self) -> Vec<Farewell> {
        self.0.lock().expect("no panic").clone()
    }
}

/// Returns a client, its connections as the service has them, and their states when dropped.
pub(crate) fn witnessed(config: ClientBuilder, capacity: usize) -> (Client, mpsc::UnboundedReceiver<Peer>, Farewells) {
    let (opened, links) = mpsc::unbounded_channel();
    let farewells = Farewells::default();
    let dropped = farewells.clone();
    let connect = move || {
        let (ours, theirs) = duplex(capacity);
        let accepted = opened.send(Peer::new(theirs));
        let link = Witness {
            io: ours,
            farewell: Farewell::default(),
            farewells: dropped.clone(),
        };
        std::future::ready(
            accepted
                .map(|()| link)
                .map_err(|_| io::ErrorKind::ConnectionRefused.into()),
        )
    };
    (
        config.build(Target::connector(connect)).expect("a client"),
        links,
        farewells,
    )
}

struct Witness {
    io: DuplexStream,
    farewell: Farewell,
    farewells: Farewells,
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.farewells.0.lock().expect("no panic").push(self.farewell);
    }
}

impl AsyncRead for Witness {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, into))?;
        self.farewell.has_read_all |= into.filled().len() == before;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Witness {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.farewell.is_shut = true;
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
