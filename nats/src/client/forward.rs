//! Forwards packets as they came.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::Stream;
use nest_wire::packet::{ReplyPacket, RequestPacket};

use crate::{
    CallError, Client,
    client::{
        outgoing::Outgoing,
        replies::{Replies, Reply},
    },
};

/// The packets of the reply to a forwarded request, as they come; see [`Client::forward`].
///
/// A packet with the service's error is a packet like any other. A [`CallError`] is the stream's last
/// item.
#[must_use = "a stream does nothing unless it is polled"]
pub struct ForwardedReply(Replies);

impl Client {
    /// Sends a request as another caller has sent it, over any transport, with an id of this client,
    /// to the route of its pattern. Returns the packets of the reply as they come.
    ///
    /// The client's timeout and headers apply as to [`send_stream`](Self::send_stream).
    ///
    /// # Errors
    /// Those of [`send_stream`](Self::send_stream), but for those of the data;
    /// [`CallError::MissingPattern`] if the packet has none.
    pub async fn forward(&self, packet: &RequestPacket) -> Result<ForwardedReply, CallError> {
        let outgoing = Outgoing::forwarded(packet, self.compat)?;
        Ok(ForwardedReply(self.replies(outgoing).await?))
    }

    /// Sends an event as another caller has sent it, as [`emit`](Self::emit) does.
    ///
    /// # Errors
    /// Those of [`emit`](Self::emit), but for those of the data; [`CallError::MissingPattern`] if the
    /// packet has none.
    pub async fn forward_event(&self, packet: &RequestPacket) -> Result<(), CallError> {
        self.publish_event(Outgoing::forwarded(packet, self.compat)?).await
    }
}

impl Stream for ForwardedReply {
    type Item = Result<ReplyPacket, CallError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next(cx).map(|reply| reply.map(|reply| packet(reply?)))
    }
}

impl fmt::Debug for ForwardedReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ForwardedReply(..)")
    }
}

/// Returns the packet of a reply. A reply over NATS may lack an id, which its caller needs over other
/// transports.
fn packet(reply: Reply) -> Result<ReplyPacket, CallError> {
    let text = match reply.has_id {
        true => reply.text,
        false => with_null_id(&reply.text).into(),
    };
    let packet = ReplyPacket::new(text).map_err(|error| CallError::Malformed(Arc::new(error)))?;
    packet.ok_or(CallError::NoValue)
}

/// A text that is no object is the value of a reply.
fn with_null_id(text: &str) -> String {
    match text.trim_end().strip_suffix('}') {
        Some(members) if members.trim_end().ends_with('{') => format!("{members}\"id\":null}}"),
        Some(members) => format!("{members},\"id\":null}}"),
        None => format!("{{\"response\":{text},\"isDisposed\":true,\"id\":null}}"),
    }
}
