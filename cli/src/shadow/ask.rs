//! Asks a service what a caller has asked another one.

use std::time::Duration;

use futures_util::StreamExt;
use nest_wire::{
    client::{CallError, Client},
    packet::RequestPacket,
};
use tokio::time::timeout;

use super::held::{Packets, Room, TooLarge};
use crate::failure::with_causes;

/// Why there is no reply to compare.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoReply {
    /// The service could not be asked, or did not answer, for this reason.
    Unanswered(String),
    /// There is no room for the reply.
    NoRoom,
}

/// Sends a copy of a request. Returns the packets of the reply.
pub(super) async fn ask(
    client: &Client,
    packet: &RequestPacket,
    limit: Duration,
    room: &Room,
) -> Result<Packets, NoReply> {
    let reply = collect(client, packet, room.packets());
    timeout(limit, reply)
        .await
        .unwrap_or_else(|_| Err(NoReply::Unanswered("no answer in time".to_owned())))
}

async fn collect(client: &Client, packet: &RequestPacket, mut packets: Packets) -> Result<Packets, NoReply> {
    let mut reply = client.forward(packet).await?;
    while let Some(packet) = reply.next().await {
        packets.push(packet?.as_str())?;
    }
    Ok(packets)
}

impl From<TooLarge> for NoReply {
    fn from(too_large: TooLarge) -> Self {
        match too_large {
            // Endless, perhaps. The primary's was not.
            TooLarge::Alone => Self::Unanswered("its reply is larger than 16 MiB".to_owned()),
            TooLarge::Together => Self::NoRoom,
        }
    }
}

impl From<CallError> for NoReply {
    fn from(error: CallError) -> Self {
        Self::Unanswered(match error {
            CallError::Timeout(_) => "no answer in time".to_owned(),
            error => with_causes(&error),
        })
    }
}
