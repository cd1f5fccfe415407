//! A builder for a call with its own data, headers, metadata and timeout.

use std::{sync::Arc, time::Duration};

use async_nats::HeaderMap;
use nest_wire::{packet::RawJson, pattern::Pattern};
use serde::{Serialize, de::DeserializeOwned};

use crate::{CallError, Client, ReplyStream, client::outgoing::Outgoing};

/// A message or an event that has not been sent yet, made by [`Client::request`].
///
/// The data is `{}` unless [`data`](Self::data) sets it. Headers, metadata and timeout are the
/// client's unless they are set here. The method that sends the call returns the errors of the data
/// and the metadata.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is sent"]
pub struct RequestBuilder {
    client: Client,
    pattern: Pattern,
    data: Result<Option<RawJson>, CallError>,
    metadata: Option<RawJson>,
}

impl Client {
    /// Returns a builder for a message or an event to `pattern`, with its own data, headers, metadata
    /// and timeout.
    ///
    /// ```no_run
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = nest_wire_nats::Client::new(async_nats::connect("localhost:4222").await?);
    /// let mut headers = async_nats::HeaderMap::new();
    /// headers.insert("x-tenant", "acme");
    /// let sum: u32 = client.request("sum").data(&[1, 2, 3]).headers(headers).send().await?;
    /// # Ok(()) }
    /// ```
    pub fn request(&self, pattern: impl Into<Pattern>) -> RequestBuilder {
        RequestBuilder {
            client: self.clone(),
            pattern: pattern.into(),
            data: Ok(None),
            metadata: None,
        }
    }
}

impl RequestBuilder {
    /// Sets the data. Default: `{}`.
    pub fn data(mut self, data: &(impl Serialize + ?Sized)) -> Self {
        if self.data.is_ok() {
            self.data = RawJson::from_value(data).map(Some).map_err(CallError::encode);
        }
        self
    }

    /// Sets the headers of the message, instead of the [client's](Client::with_headers).
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        self.client.headers = Some(Arc::new(headers));
        self
    }

    /// Sets the metadata in the packet, as Nest's dispatch hook does since 12.1. Services of Nest
    /// offer only [headers](Self::headers) to their handlers.
    pub fn metadata(mut self, metadata: &(impl Serialize + ?Sized)) -> Self {
        match RawJson::from_value(metadata) {
            Ok(metadata) => self.metadata = Some(metadata),
            Err(error) if self.data.is_ok() => self.data = Err(CallError::encode(error)),
            Err(_) => {}
        }
        self
    }

    /// Sets the timeout, instead of the [client's](Client::with_timeout).
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.client.timeout = timeout;
        self
    }

    /// Sends the message. Returns the last value of the reply, as [`Client::send`] does.
    ///
    /// # Errors
    /// The errors of [`Client::send`].
    pub async fn send<T: DeserializeOwned>(self) -> Result<T, CallError> {
        let (client, outgoing) = self.outgoing()?;
        client.last_value(outgoing).await
    }

    /// Sends the message. Returns the reply's values as they come, as [`Client::send_stream`] does.
    ///
    /// # Errors
    /// The errors of [`Client::send_stream`].
    pub async fn send_stream<T: DeserializeOwned>(self) -> Result<ReplyStream<T>, CallError> {
        let (client, outgoing) = self.outgoing()?;
        client.values(outgoing).await
    }

    /// Sends the event, as [`Client::emit`] does.
    ///
    /// # Errors
    /// The errors of [`Client::emit`].
    pub async fn emit(self) -> Result<(), CallError> {
        let (client, outgoing) = self.outgoing()?;
        client.publish_event(outgoing).await
    }

    fn outgoing(self) -> Result<(Client, Outgoing), CallError> {
        let data = match self.data? {
            Some(data) => data,
            None => RawJson::from_value(&std::collections::BTreeMap::<String, ()>::new()).map_err(CallError::encode)?,
        };
        let outgoing = Outgoing::new(&self.pattern, data, self.metadata, self.client.compat)?;
        Ok((self.client, outgoing))
    }
}
