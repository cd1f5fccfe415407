//! Rejects a connection that exceeds a limit: sends an error, then closes.

use std::{future::poll_fn, net::SocketAddr, panic::AssertUnwindSafe, time::Duration};

use bytestring::ByteString;
use futures_util::FutureExt;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};

use crate::{
    connection::{Connection, ConnectionError, Segment, TransportConfig},
    packet::{OutgoingReply, RequestMembers},
    server::{
        limits::{LimitExceeded, Limiter},
        listen::Incoming,
    },
};

/// Maximum time for each step of a refusal: the handshake, the caller's first request, the close.
const PATIENCE: Duration = Duration::from_secs(1);
/// Maximum size of a buffered first request, in UTF-16 units; one more segment may be held.
const MAX_BUFFER_SIZE: usize = 64 * 1024;

/// Answers each request of the first segment that contains any with an error, and closes the
/// connection.
pub(in crate::server) async fn reject<IO>(accepted: Incoming<IO>, config: &TransportConfig, exceeded: LimitExceeded)
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // A panic in the handshake ends this connection alone, and has been logged by the panic hook.
    let opened = AssertUnwindSafe(accepted.open()).catch_unwind();
    if let Ok(Ok(Ok(opened))) = timeout(PATIENCE, opened).await {
        refuse(opened.io, config, exceeded).await;
    }
}

/// Rejects a connection as [`reject`] does, once the handshake has shown that its peer has too many
/// connections.
pub(in crate::server) async fn reject_late<IO>(
    limiter: &Limiter,
    io: IO,
    config: &TransportConfig,
    exceeded: LimitExceeded,
    peer: Option<SocketAddr>,
) where
    IO: AsyncRead + AsyncWrite + Unpin + 'static,
{
    limiter.events.connection_refused(exceeded, peer);
    if let Some(_place) = limiter.try_acquire_rejection() {
        refuse(io, config, exceeded).await;
    }
}

async fn refuse<IO>(io: IO, config: &TransportConfig, exceeded: LimitExceeded)
where
    IO: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let max_buffer_size = config.max_buffer_size.min(MAX_BUFFER_SIZE);
    let mut connection = Connection::new(io, &config.clone().max_buffer_size(max_buffer_size));
    // A late or malformed request makes no difference: the connection is closed in any case.
    let _ = timeout(PATIENCE, answer(&mut connection, exceeded)).await;
    let _ = timeout(PATIENCE, take_leave(&mut connection)).await;
}

async fn answer<IO>(connection: &mut Connection<IO>, exceeded: LimitExceeded) -> Result<(), ConnectionError>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let err = exceeded.err();
    let mut has_asked = false;
    while !has_asked && poll_fn(|cx| connection.poll_segment(cx)).await? == Segment::Received {
        let mut memory = ByteString::new();
        while let Some(frame) = connection.next_frame(&mut memory)? {
            has_asked = true;
            let packet = RequestMembers::read(frame).map_err(|error| connection.refuse(error))?;
            if let Some(id) = packet.id {
                let framed = connection.push_reply(OutgoingReply::Error(&err), id.as_str());
                framed.map_err(ConnectionError::Encode)?;
            }
        }
    }
    Ok(())
}

/// Closes our side, and gives the caller time to close its side: see
/// [`Session`](crate::server::session::Session).
async fn take_leave<IO>(connection: &mut Connection<IO>) -> Result<(), ConnectionError>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    poll_fn(|cx| connection.poll_shutdown(cx)).await?;
    connection.discard();
    while poll_fn(|cx| connection.poll_segment(cx)).await? == Segment::Received {
        connection.discard();
    }
    Ok(())
}
