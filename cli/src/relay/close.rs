//! The end of one connection, when it is the proxy that ends it.

use std::{io, time::Duration};

use bytes::BytesMut;
use nest_wire::recording::{Content, Side};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy, sink},
    time::timeout,
};

use super::connection::Connection;
use crate::{
    dial::stream::Stream,
    traffic::{
        frames::{Frames, Piece},
        packet::{Kind, Packet},
    },
};

/// Number of bytes read at once, at most.
const READ: usize = 64 * 1024;

/// What happens to bytes that the caller sent before it saw the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LateBytes {
    /// Events are passed on. Calls are not: nobody would receive their replies.
    PassEvents,
    /// The service has received a part of a frame, or something that cannot be read: nothing that
    /// follows can be told apart.
    Discard,
}

/// Ends the connection with the caller, then that with the service. `linger` is the maximum time
/// that each of them has to end its side: unread bytes would make a reset of our end, which may
/// destroy a reply on its way.
pub(super) async fn close(
    connection: &Connection,
    mut caller: Stream,
    mut service: Stream,
    late: LateBytes,
    linger: Duration,
) {
    let _ = caller.shutdown().await;
    let _ = timeout(linger, async {
        match late {
            LateBytes::PassEvents => pass_events(connection, &mut caller, &mut service).await,
            LateBytes::Discard => copy(&mut caller, &mut sink()).await.map(drop),
        }
    })
    .await;
    let _ = service.shutdown().await;
    let _ = timeout(linger, copy(&mut service, &mut sink())).await;
}

/// Passes on events, until the caller's end.
async fn pass_events(connection: &Connection, caller: &mut Stream, service: &mut Stream) -> io::Result<()> {
    let mut frames = Frames::default();
    let mut bytes = BytesMut::with_capacity(READ);
    while caller.read_buf(&mut bytes).await? > 0 {
        frames.push(&bytes);
        bytes.clear();
        while let Some(piece) = frames.next() {
            if let Some(event) = event(piece) {
                connection.see(Side::Caller, Content::Segment(event.clone().into()));
                service.write_all(event.as_bytes()).await?;
            }
        }
    }
    Ok(())
}

/// Returns the frame of an event, if the piece is one. Malformed UTF-8 is replaced as Node reads it.
fn event(piece: Piece) -> Option<String> {
    let Piece::Frame(frame) = piece else { return None };
    let packet = Packet::read(Side::Caller, &frame.text)?;
    (packet.kind == Kind::Event).then(|| format!("{}#{}", frame.header, frame.text))
}
