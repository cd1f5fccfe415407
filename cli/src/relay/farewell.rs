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

/// Maximum time that each side has to end its direction. Unread bytes would make a reset of our end,
/// which may destroy a reply on its way.
const LINGER: Duration = Duration::from_secs(1);

/// Number of bytes read at once, at most.
const READ: usize = 64 * 1024;

/// Ends the connection with the caller, then that with the service. Events that the caller sent
/// before it saw the end still reach the service. Calls do not: nobody would receive their replies.
pub(super) async fn farewell(connection: &Connection, mut caller: Stream, mut service: Stream) {
    let _ = caller.shutdown().await;
    let _ = timeout(LINGER, late_events(connection, &mut caller, &mut service)).await;
    let _ = service.shutdown().await;
    let _ = timeout(LINGER, copy(&mut service, &mut sink())).await;
}

/// Passes on events, until the caller's end.
async fn late_events(connection: &Connection, caller: &mut Stream, service: &mut Stream) -> io::Result<()> {
    let mut frames = Frames::default();
    let mut bytes = BytesMut::with_capacity(READ);
    while caller.read_buf(&mut bytes).await? > 0 {
        frames.push(&bytes);
        bytes.clear();
        while let Some(piece) = frames.next() {
            // Within a frame that has begun, nothing can be told from its rest.
            if connection.is_between_frames()
                && let Some(event) = event(piece)
            {
                connection.see(Side::Caller, Content::Segment(event.clone().into()));
                service.write_all(event.as_bytes()).await?;
            }
        }
    }
    Ok(())
}

/// Returns the frame of an event as it was sent.
fn event(piece: Piece) -> Option<String> {
    let Piece::Frame(frame) = piece else { return None };
    let packet = Packet::read(Side::Caller, &frame.text)?;
    (packet.kind == Kind::Event).then(|| format!("{}#{}", frame.header, frame.text))
}
