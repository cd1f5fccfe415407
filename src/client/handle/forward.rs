//! Forwards packets as they came.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_util::Stream;
use tokio::time::Instant;

use crate::{
    client::{
        CallError, Client,
        call::{
            outgoing::{CallKind, OutgoingCall},
            trace::TracedKind,
        },
        error::Answer,
        handle::values::Values,
    },
    packet::{Draft, ReplyPacket, RequestPacket},
};

/// The packets of the reply to a forwarded request, as they come; see [`Client::forward`].
///
/// A packet with the service's error is a packet like any other. A [`CallError`] is the stream's
/// last item: the service could not be reached, for example. Dropping the stream ends the call for
/// the client only: the service is not informed, because Nest has no packet for that.
#[must_use = "a stream does nothing unless it is polled"]
pub struct ForwardedReply(Values);

impl Client {
    /// Sends a request as another caller has sent it, with an id of this client: pattern, data,
    /// metadata and members that Nest does not know are passed on as they are spelled. (The id
    /// comes last, where Nest's clients write it.) Returns the packets of the reply as they come.
    ///
    /// The client's limits, timeout and hosts apply as to [`send_stream`](Self::send_stream); its
    /// own metadata is not added. [`forward_to`](crate::forward::forward_to) does this for what a
    /// router has no handler for.
    ///
    /// ```
    /// # use nest_wire::{client::Client, in_memory, server::{Payload, Router}};
    /// use futures_util::TryStreamExt;
    /// use nest_wire::packet::{RawJson, RequestPacket};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = in_memory::client(Router::new().message("double", async |Payload(n): Payload<u32>| 2 * n));
    /// let packet = RequestPacket::new(r#"{"pattern":"double","data":21,"id":"theirs"}"#)?;
    /// let reply: Vec<_> = client.forward(&packet).await?.try_collect().await?;
    /// let id = RawJson::from_value("theirs")?;
    /// assert_eq!(reply[0].with_id(&id), r#"{"response":42,"isDisposed":true,"id":"theirs"}"#);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Those of [`send_stream`](Self::send_stream), but for those of the data and the pattern.
    pub async fn forward(&self, packet: &RequestPacket) -> Result<ForwardedReply, CallError> {
        let kind = CallKind::Packets { since: Instant::now() };
        let draft = Draft::of_text(packet.without_id());
        let watch = self.trace(TracedKind::Message, &draft);
        let (source, watch) = self.ask_values(OutgoingCall { draft, kind }, watch).await?;
        Ok(ForwardedReply(Values::new(source, watch)))
    }

    /// Sends an event as another caller has sent it, and waits until it has been handed to the
    /// operating system, as [`emit`](Self::emit) does. An id in the packet is dropped.
    ///
    /// # Errors
    /// Those of [`emit`](Self::emit), but for those of the data and the pattern.
    pub async fn forward_event(&self, packet: &RequestPacket) -> Result<(), CallError> {
        let fill = |outgoing: &mut OutgoingCall| {
            // No id may be left, for it would make the event a request.
            outgoing.draft = Draft::of_text(packet.other_members());
            Ok(())
        };
        let outgoing = &mut OutgoingCall::new(CallKind::Event);
        fill(outgoing)?;
        let watch = &mut self.trace(TracedKind::Event, &outgoing.draft);
        self.ask(outgoing, watch, fill).await.map(drop)
    }
}

impl Stream for ForwardedReply {
    type Item = Result<ReplyPacket, CallError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(self.0.poll_next(cx, packet));
        if let Some(Ok(packet)) = &next
            && packet.is_last()
        {
            let failure = packet.error().map(CallError::Rpc);
            self.0.end(failure.as_ref());
        }
        Poll::Ready(next)
    }
}

/// Returns the packet whose text the channel has delivered.
fn packet(answer: Answer) -> Result<ReplyPacket, CallError> {
    let text = answer?.ok_or(CallError::NoValue)?;
    let packet = ReplyPacket::new(text.to_text());
    packet.ok().flatten().ok_or(CallError::NoValue)
}

impl fmt::Debug for ForwardedReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ForwardedReply").field(&self.0.id()).finish()
    }
}
