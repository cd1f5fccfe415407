//! Our client, and a scripted peer on the other end of each of its connections.

use std::{io, time::Duration};

use nest_wire::client::{Client, ClientBuilder, Target};
use tokio::{io::duplex, sync::mpsc, time::timeout};

use super::{Peer, peer::patiently};

/// The connections that a client opens, as its service sees them. Dropping it refuses all further
/// ones.
#[derive(Debug)]
pub(crate) struct Calls(mpsc::UnboundedReceiver<Peer>);

/// Returns a client and the connections that it will open.
pub(crate) fn calls() -> (Client, Calls) {
    calls_with(Client::builder(), 256 * 1024)
}

/// Does the same as [`calls`], with another configuration, over connections that buffer this number
/// of bytes in each direction.
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
    /// Returns the next connection that the client opens.
    pub(crate) async fn next(&mut self) -> Peer {
        patiently(self.0.recv()).await.expect("the client is there")
    }

    /// Expects that the client opens no further connection.
    pub(crate) async fn expect_none(&mut self) {
        let opened = timeout(Duration::from_millis(500), self.0.recv()).await;
        assert!(!matches!(opened, Ok(Some(_))), "another link: {opened:?}");
    }
}
