//! A client of Nest's services over NATS.

pub(crate) mod error;
pub(crate) mod forward;
pub(crate) mod inboxes;
pub(crate) mod outgoing;
pub(crate) mod replies;
pub(crate) mod request;
pub(crate) mod shared;
pub(crate) mod stream;

use std::{fmt, future::poll_fn, sync::Arc, time::Duration};

use async_nats::HeaderMap;
use bytes::Bytes;
use nest_wire::{
    Compat, json,
    packet::{CallId, RawJson, ReplyOutcome, RpcError},
    pattern::Pattern,
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::timeout;

use crate::{
    CallError, ReplyStream,
    client::{
        outgoing::Outgoing,
        replies::{Call, Replies},
        shared::Shared,
    },
};

const TIMEOUT: Duration = Duration::from_secs(30);

/// Maximum size of a stream's values that wait until its caller takes them, in bytes.
const MAX_STREAM_BUFFER: usize = 4 * 1024 * 1024;

/// A client of services over NATS, the counterpart of Nest's `ClientNats`, with timeouts.
///
/// A client is cheap to clone. All clones share one subscription for their replies, which the first
/// call makes. Replies are read by a task of the runtime that this call runs on.
///
/// ```no_run
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let client = nest_wire_nats::Client::new(async_nats::connect("localhost:4222").await?);
/// client.emit("log", "求和").await?;
/// let sum: f64 = client.send("sum", &[1, 2, 3]).await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    timeout: Duration,
    headers: Option<Arc<HeaderMap>>,
    compat: Compat,
}

impl Client {
    /// Makes a client that uses this connection.
    #[must_use]
    pub fn new(nats: async_nats::Client) -> Self {
        Self {
            shared: Arc::new(Shared::new(nats)),
            timeout: TIMEOUT,
            headers: None,
            compat: Compat::default(),
        }
    }

    /// Returns a client whose calls may take this long; for a stream, how long the service may be
    /// silent before each further value. Default: 30 seconds.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self {
            timeout,
            ..self.clone()
        }
    }

    /// Returns a client whose messages have these headers.
    #[must_use]
    pub fn with_headers(&self, headers: HeaderMap) -> Self {
        Self {
            headers: Some(Arc::new(headers)),
            ..self.clone()
        }
    }

    /// Returns a client that calls as this major of Nest does: ids and routes differ. Default: the
    /// newest.
    #[must_use]
    pub fn with_compat(&self, compat: Compat) -> Self {
        Self { compat, ..self.clone() }
    }

    /// Sends a message and waits for the reply. Returns the last value of the reply.
    ///
    /// A service that replies with undefined sends no value. The result is then `()` or `None`, or
    /// [`CallError::NoValue`] for other types.
    ///
    /// # Errors
    /// See [`CallError`]. [`CallError::is_unsent`] returns true for errors of calls that no service
    /// has seen.
    pub async fn send<T: DeserializeOwned>(
        &self,
        pattern: impl Into<Pattern>,
        data: &(impl Serialize + ?Sized),
    ) -> Result<T, CallError> {
        self.last_value(self.outgoing(pattern, data)?).await
    }

    /// Sends a message. Returns a stream of the reply's values as they come.
    ///
    /// The timeout starts again for each value. Up to 4 MiB of values wait until they are taken;
    /// beyond that, the stream ends with [`CallError::StreamOverflow`].
    ///
    /// # Errors
    /// Those of a call that was not sent, see [`CallError`]. Every other error is the stream's last
    /// item.
    pub async fn send_stream<T: DeserializeOwned>(
        &self,
        pattern: impl Into<Pattern>,
        data: &(impl Serialize + ?Sized),
    ) -> Result<ReplyStream<T>, CallError> {
        self.values(self.outgoing(pattern, data)?).await
    }

    /// Sends an event and waits until it has been handed to the operating system. Nobody reports
    /// whether a service subscribes to it.
    ///
    /// # Errors
    /// [`CallError::InvalidSubject`], [`CallError::TooLarge`], [`CallError::Closed`],
    /// [`CallError::Timeout`], and those of the data.
    pub async fn emit(&self, pattern: impl Into<Pattern>, data: &(impl Serialize + ?Sized)) -> Result<(), CallError> {
        self.publish_event(self.outgoing(pattern, data)?).await
    }

    fn outgoing(&self, pattern: impl Into<Pattern>, data: &(impl Serialize + ?Sized)) -> Result<Outgoing, CallError> {
        let data = RawJson::from_value(data).map_err(CallError::encode)?;
        Outgoing::new(&pattern.into(), data, None, self.compat)
    }

    async fn last_value<T: DeserializeOwned>(&self, outgoing: Outgoing) -> Result<T, CallError> {
        let answer = async {
            let mut call = self.ask(outgoing).await?;
            let mut last = None;
            loop {
                match poll_fn(|cx| call.poll_reply(cx)).await?.outcome {
                    ReplyOutcome::Value(value) => last = value,
                    ReplyOutcome::Completed(value) => return Ok(value.or(last)),
                    ReplyOutcome::Failed(err) => return Err(CallError::Rpc(RpcError::from_raw(err))),
                    _ => {}
                }
            }
        };
        let answer: Result<Option<RawJson>, CallError> = self.within(answer).await;
        decode(answer?.as_ref())
    }

    async fn values<T: DeserializeOwned>(&self, outgoing: Outgoing) -> Result<ReplyStream<T>, CallError> {
        Ok(ReplyStream::new(self.replies(outgoing).await?))
    }

    async fn replies(&self, outgoing: Outgoing) -> Result<Replies, CallError> {
        let call = self.within(self.ask(outgoing)).await?;
        Ok(Replies::new(call, self.timeout))
    }

    async fn publish_event(&self, outgoing: Outgoing) -> Result<(), CallError> {
        let sent = async {
            let packet = outgoing.event();
            self.check_size(packet.len())?;
            let headers = self.headers.as_deref().cloned();
            self.shared.publish(outgoing.subject, None, headers, packet).await?;
            self.shared.nats.flush().await.map_err(|_| CallError::Closed)
        };
        self.within(sent).await
    }

    /// Sends a request. Returns the call.
    async fn ask(&self, outgoing: Outgoing) -> Result<Call, CallError> {
        let id = CallId::random(self.compat);
        let packet: Bytes = outgoing.request(id);
        self.check_size(packet.len())?;
        let inbox = self.shared.inboxes().await?.inbox(MAX_STREAM_BUFFER);
        let subject = outgoing.subject.clone();
        let headers = self.headers.as_deref().cloned();
        self.shared
            .publish(outgoing.subject, Some(inbox.subject()), headers, packet)
            .await?;
        Ok(Call {
            inbox,
            id,
            subject,
            compat: self.compat,
            max_waiting: MAX_STREAM_BUFFER,
        })
    }

    fn check_size(&self, size: usize) -> Result<(), CallError> {
        let max = self.shared.nats.max_payload();
        if size > max {
            return Err(CallError::TooLarge { size, max });
        }
        Ok(())
    }

    async fn within<T>(&self, call: impl Future<Output = Result<T, CallError>>) -> Result<T, CallError> {
        let outcome = timeout(self.timeout, call).await;
        outcome.unwrap_or(Err(CallError::Timeout(self.timeout)))
    }
}

/// Decodes a value, or undefined.
pub(crate) fn decode<T: DeserializeOwned>(value: Option<&RawJson>) -> Result<T, CallError> {
    match value {
        Some(value) => value.parse().map_err(|error| CallError::Decode(Arc::new(error))),
        None => json::from_undefined().ok_or(CallError::NoValue),
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
