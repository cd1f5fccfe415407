//! What a capture shows: connections that open and close, their bytes in order, and what of them
//! is not there.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::Duration,
};

use bytes::Bytes;
use nest_wire::recording::Side;

/// Something that a capture shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Captured {
    Traffic(Traffic),
    /// The last item: what was seen as a whole.
    Summary(Box<Summary>),
}

/// An action of one side of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Traffic {
    /// Time from the first packet of the capture to the packet that completed this.
    ///
    /// Bytes that waited for an earlier segment have the time at which that one came, since the
    /// receiver could not read them before either.
    pub(crate) at: Duration,
    /// Number of the connection, counted from 1.
    pub(crate) connection: u32,
    pub(crate) from: Side,
    pub(crate) action: Action,
}

/// The action of a side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// The first packet of the connection was captured.
    Opened {
        caller: SocketAddr,
        service: SocketAddr,
        began: Began,
    },
    /// The side sent these bytes.
    Bytes(Bytes),
    /// The side sent this number of bytes here, which are in no captured packet.
    Missing(u64),
    /// The side sent this number of bytes here, which the capture's limit for the size of a packet
    /// cut off. The limit, in bytes, is 0 where the file does not say it.
    Cut { bytes: u64, snap_length: u32 },
    /// The side closed its direction of the connection (FIN).
    Ended,
    /// The side aborted the connection (RST). The connection is over.
    Reset,
    /// The connection is not followed any further, and its end was not captured: its addresses and
    /// ports serve another connection, or it was silent for long while many others opened.
    Forgotten,
}

/// Where the capture of a connection begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Began {
    /// With the connection itself: each side's first byte is known.
    Handshake,
    /// In the middle: a side's first bytes may be the rest of a frame, and which side is the caller
    /// is a guess from the ports.
    Middle,
}

/// What was seen as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Number of packets in the capture.
    pub(crate) packets: u64,
    /// Number of those that hold a TCP segment, of whichever port.
    pub(crate) segments: u64,
    /// The ports that the services listen on, as far as the packets tell: of any connection, not
    /// only of those that were asked for.
    pub(crate) ports: BTreeSet<u16>,
    /// Number of packets without TCP: other protocols, and headers that are broken or cut off.
    pub(crate) unknown: u64,
    /// Number of packets of each link type that is not known.
    pub(crate) unknown_links: BTreeMap<i32, u64>,
}
