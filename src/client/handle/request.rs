//! A builder for a call with its own data, metadata and timeout.

use std::{sync::Arc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use tokio::time::Instant;

use crate::{
    client::{
        CallError, Client, ReplyStream,
        call::outgoing::{CallKind, OutgoingCall},
        error::Answer,
        handle::decode,
    },
    packet::RawJson,
    pattern::Pattern,
};

/// A message or an event that has not been sent yet, made by [`Client::request`].
///
/// The data is `{}` unless [`data`](Self::data) sets it; metadata and timeout are the client's
/// unless they are set here. The method that sends the call returns the errors of the data and the
/// metadata.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is sent"]
pub struct RequestBuilder {
    pub(in crate::client) client: Client,
    pub(in crate::client) pattern: Pattern,
    data: Result<Option<RawJson>, CallError>,
}

impl Client {
    /// Returns a builder for a message or an event to `pattern`, with its own data, metadata and
    /// timeout.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use nest_wire::{client::Client, server::{HostListener, Payload, Router, serve}};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let listener = HostListener::bind("127.0.0.1:0").await?;
    /// # let address = listener.local_addrs()?[0].to_string();
    /// # let sum = async |Payload(numbers): Payload<Vec<u32>>| numbers.iter().sum::<u32>();
    /// # tokio::spawn(serve(listener, Router::new().message("sum", sum)).into_future());
    /// let client = Client::new(address);
    /// let sum: u32 = client
    ///     .request("sum")
    ///     .data(&[1, 2, 3])
    ///     .metadata(&serde_json::json!({ "tenant": "acme" }))
    ///     .timeout(Duration::from_secs(1))
    ///     .send()
    ///     .await?;
    /// assert_eq!(sum, 6);
    /// # Ok(()) }
    /// ```
    pub fn request(&self, pattern: impl Into<Pattern>) -> RequestBuilder {
        RequestBuilder {
            client: self.clone(),
            pattern: pattern.into(),
            data: Ok(None),
        }
    }
}

impl RequestBuilder {
    /// Sets the data. Default: `{}`.
    pub fn data(mut self, data: &(impl Serialize + ?Sized)) -> Self {
        if self.data.is_ok() {
            self.data = RawJson::from_value(data)
                .map(Some)
                .map_err(|error| CallError::Encode(Arc::new(error)));
        }
        self
    }

    /// Sets the metadata, instead of the [client's](Client::with_metadata).
    pub fn metadata(mut self, metadata: &(impl Serialize + ?Sized)) -> Self {
        match RawJson::from_value(metadata) {
            Ok(metadata) => self.client.metadata = self.client.metadata.with(metadata),
            Err(error) if self.data.is_ok() => self.data = Err(CallError::Encode(Arc::new(error))),
            Err(_) => {}
        }
        self
    }

    /// Sets the timeout, instead of the [client's](Client::with_timeout).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.client.timeout = timeout;
        self
    }

    /// Sends the message. Returns the last value of the reply, as [`Client::send`] does.
    ///
    /// # Errors
    /// The errors of [`Client::send`].
    pub async fn send<T: DeserializeOwned>(self) -> Result<T, CallError> {
        decode(self.ask(CallKind::Request).await?.as_ref())
    }

    /// Sends the message. Returns the first value of the reply, as [`Client::send_first`] does.
    ///
    /// # Errors
    /// The errors of [`Client::send_first`].
    pub async fn send_first<T: DeserializeOwned>(self) -> Result<T, CallError> {
        decode(self.ask(CallKind::First).await?.as_ref())
    }

    /// Sends the message. Returns the reply's values as they come, as [`Client::send_stream`] does.
    ///
    /// # Errors
    /// The errors of [`Client::send_stream`].
    pub async fn send_stream<T: DeserializeOwned>(self) -> Result<ReplyStream<T>, CallError> {
        let mut outgoing = OutgoingCall::new(CallKind::Stream { since: Instant::now() });
        self.fill(&mut outgoing)?;
        let watch = self.client.watch(&mut outgoing);
        self.client.ask_stream(self.pattern, outgoing, watch).await
    }

    /// Sends the event and waits until it has been handed to the operating system, as
    /// [`Client::emit`] does.
    ///
    /// # Errors
    /// The errors of [`Client::emit`].
    pub async fn emit(self) -> Result<(), CallError> {
        self.ask(CallKind::Event).await.map(drop)
    }

    async fn ask(self, kind: CallKind) -> Answer {
        let outgoing = &mut OutgoingCall::new(kind);
        self.fill(outgoing)?;
        let watch = &mut self.client.watch(outgoing);
        let answer = self.client.ask(outgoing, watch, |outgoing| self.fill(outgoing)).await;
        answer.map_err(|error| error.of_call(&self.pattern))
    }

    /// Writes the pattern and the data into the packet.
    fn fill(&self, outgoing: &mut OutgoingCall) -> Result<(), CallError> {
        let data = self.data.as_ref().map_err(CallError::clone)?;
        outgoing.address(&self.pattern, self.client.pool.config.compat)?;
        outgoing.data(|out| {
            out.extend_from_slice(data.as_ref().map_or("{}", RawJson::as_str).as_bytes());
            Ok(())
        })
    }
}
