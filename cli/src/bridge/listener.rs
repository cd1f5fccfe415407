//! The connections of a bridge's callers.

use std::io;

use nest_wire::server::listen::{Incoming, Listener};

use crate::{dial::stream::Stream, faults::cut::Cuttable, relay::accept::Acceptor};

/// Accepts callers at any address, so that a handler can cut their connections.
pub(super) struct BridgeListener(pub(super) Acceptor);

impl Listener for BridgeListener {
    type Io = Cuttable<Stream>;

    async fn accept(&mut self) -> io::Result<Incoming<Self::Io>> {
        let accepted = self.0.accept().await;
        let peer = accepted.peer();
        let incoming = Incoming::new(accepted).and_then(async |accepted, mut extensions| {
            let (io, cut) = Cuttable::new(accepted.ready().await?);
            extensions.insert(cut);
            Ok((io, extensions))
        });
        Ok(match peer {
            Some(peer) => incoming.with_peer(peer),
            None => incoming,
        })
    }
}
