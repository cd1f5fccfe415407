//! A listener that the test controls.

use std::{io, net::SocketAddr};

use nest_wire::server::listen::{Incoming, Listener};
use tokio::{
    io::{DuplexStream, duplex},
    sync::mpsc,
};

use super::Peer;

/// Sends connections to the listener.
#[derive(Debug)]
pub(crate) struct Arrivals(mpsc::UnboundedSender<io::Result<Incoming<DuplexStream>>>);

#[derive(Debug)]
pub(crate) struct Scripted(mpsc::UnboundedReceiver<io::Result<Incoming<DuplexStream>>>);

pub(crate) fn arrivals() -> (Arrivals, Scripted) {
    let (arrivals, listener) = mpsc::unbounded_channel();
    (Arrivals(arrivals), Scripted(listener))
}

impl Arrivals {
    /// Lets a caller arrive.
    pub(crate) fn arrive(&self) -> Peer {
        self.arrive_as(Incoming::new)
    }

    /// Lets a caller arrive from this address.
    pub(crate) fn arrive_from(&self, peer: &str) -> Peer {
        let peer: SocketAddr = peer.parse().expect("an address");
        self.arrive_as(|io| Incoming::new(io).with_peer(peer))
    }

    /// Lets a caller arrive, whose connection is prepared by `as_what`.
    pub(crate) fn arrive_as(&self, as_what: impl FnOnce(DuplexStream) -> Incoming<DuplexStream>) -> Peer {
        self.arrive_over(4096, as_what)
    }

    /// Lets a caller arrive over a connection that buffers this number of bytes in each direction.
    pub(crate) fn arrive_with_room(&self, capacity: usize) -> Peer {
        self.arrive_over(capacity, Incoming::new)
    }

    fn arrive_over(&self, capacity: usize, as_what: impl FnOnce(DuplexStream) -> Incoming<DuplexStream>) -> Peer {
        let (ours, theirs) = duplex(capacity);
        self.0.send(Ok(as_what(ours))).expect("it listens");
        Peer::new(theirs)
    }

    /// Makes the next accept fail.
    pub(crate) fn refuse(&self, error: io::Error) {
        self.0.send(Err(error)).expect("it listens");
    }
}

impl Listener for Scripted {
    type Io = DuplexStream;

    async fn accept(&mut self) -> io::Result<Incoming<DuplexStream>> {
        self.0.recv().await.expect("the test goes on")
    }
}
