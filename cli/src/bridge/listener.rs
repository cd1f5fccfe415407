//! The connections of a bridge's callers.

use std::io;

use nest_wire::server::listen::{Incoming, Listener};

use crate::{
    dial::stream::Stream,
    faults::cut::Cuttable,
    relay::{
        accept::Acceptor,
        tee::{Tap, Tee},
    },
};

/// Accepts callers at any address, so that a handler can cut their connections and a recording sees
/// what passes.
pub(super) struct BridgeListener {
    pub(super) acceptor: Acceptor,
    pub(super) tap: Option<Tap>,
}

impl Listener for BridgeListener {
    type Io = Cuttable<Tee<Stream>>;

    async fn accept(&mut self) -> io::Result<Incoming<Self::Io>> {
        let accepted = self.acceptor.accept().await;
        let (peer, from) = (accepted.peer(), accepted.from.clone());
        let tap = self.tap.clone();
        let incoming = Incoming::new(accepted).and_then(async move |accepted, mut extensions| {
            let stream = Tee::new(accepted.ready().await?, tap.as_ref(), from);
            let (io, cut) = Cuttable::new(stream);
            extensions.insert(cut);
            Ok((io, extensions))
        });
        Ok(match peer {
            Some(peer) => incoming.with_peer(peer),
            None => incoming,
        })
    }
}
