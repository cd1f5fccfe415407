//! One packet of the reply to a message, before its id is written.

use crate::{
    json::Maybe,
    packet::{OutgoingReply, RawJson, ReplyPacket, RpcError},
    server::handler::panics::drop_contained,
};

/// One packet of the reply to a message. The caller's id is not a part of it.
#[derive(Debug, PartialEq)]
#[non_exhaustive]
pub enum ReplyItem {
    /// A value; more may follow.
    Value(Maybe<RawJson>),
    /// The last value, which ends the reply.
    Last(Maybe<RawJson>),
    /// The end of the reply, alone.
    Completion,
    /// The handler failed, which ends the reply.
    Error(RpcError),
    /// Nothing handles messages of this pattern.
    NoHandler,
    /// A packet as another service sent it, but for its id.
    Packet(ReplyPacket),
}

impl ReplyItem {
    /// Returns the packet, for [`write_reply`](crate::packet::write_reply).
    #[must_use]
    pub fn as_outgoing(&self) -> OutgoingReply<'_> {
        match self {
            Self::Value(Maybe::Value(value)) => OutgoingReply::Value(value),
            Self::Value(Maybe::Undefined) => OutgoingReply::Undefined,
            Self::Last(Maybe::Value(value)) => OutgoingReply::Last(value),
            Self::Last(Maybe::Undefined) | Self::Completion => OutgoingReply::Completion,
            Self::Error(error) => OutgoingReply::Error(error.err()),
            Self::NoHandler => OutgoingReply::NoHandler,
            Self::Packet(packet) => OutgoingReply::Packet(packet),
        }
    }

    /// Returns true if no other item follows this one.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        match self {
            Self::Value(_) => false,
            Self::Packet(packet) => packet.is_last(),
            Self::Last(_) | Self::Completion | Self::Error(_) | Self::NoHandler => true,
        }
    }

    /// Drops the item. An error's cause is user code, and a panic in its `Drop` is logged.
    pub(in crate::server) fn drop_contained(self) {
        if let Self::Error(error) = self {
            drop_contained(error);
        }
    }
}
