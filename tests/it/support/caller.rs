//! Our client on one end of its links, a scripted peer on the other end of each.

use std::{io, time::Duration};

use nest_wire::client::{Client, ClientBuilder, Target};
use tokio::{io::duplex, sync::mpsc, time::timeout};

use super::{Peer, peer::patiently};

/// The links that a client opens, as its service sees them. Dropped, it refuses all further ones.
#[derive(Debug)]
pub(crate) struct Calls(mpsc::UnboundedReceiver<Peer>);

/// A client and the links that it will open.
pub(crate) fn calls() -> (Client, Calls) {
    calls_with(Client::builder(), 256 * 1024)
}

/// As [`calls`], with other limits, over links that hold so many bytes in each direction.
pub(crate) fn calls_with(config: ClientBuilder, capacity: usize) -> (Client, Calls) {
    let (call, calls) = mpsc::unbounded_channel();
    let connect = move || {
        let (ours, theirs) = duplex(capacity);
        let answered = call.send(Peer::new(theirs));
        async move {
            answered
                .map(|()| ours)
                .map_err(|_| io::ErrorKind::ConnectionRefused.into())
        }
    };
    (
        config.build(Target::connector(connect)).expect("a client"),
        Calls(calls),
    )
}

impl Calls {
    /// The next link that the client opens.
    pub(crate) async fn next(&mut self) -> Peer {
        patiently(self.0.recv()).await.expect("the client is there")
    }

    /// Expects that the client opens no further link.
    pub(crate) async fn expect_none(&mut self) {
        let opened = timeout(Duration::from_millis(500), self.0.recv()).await;
        assert!(!matches!(opened, Ok(Some(_))), "another link: {opened:?}");
    }
}
