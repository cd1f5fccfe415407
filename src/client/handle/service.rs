//! The client as a [`tower_service::Service`], for tower's layers: retries, timeouts, limits, load
//! shedding.
//!
//! Nothing of ours is above it: what a layer does with a [`Request`] is the layer's business.

use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use serde::{Serialize, de::DeserializeOwned};
use tokio::time::Instant;
use tower_service::Service;

use crate::{
    client::{
        CallError, Client, ReplyStream,
        call::{
            outgoing::{Kind, OutgoingCall, require},
            trace::CallTrace,
        },
        handle::reply_stream::decode,
    },
    compat::Compat,
    packet::RawJson,
    pattern::Pattern,
};

/// A request as a value: cheap to clone, so that it can be made again.
#[derive(Debug, Clone)]
pub struct Request {
    pattern: Pattern,
    data: RawJson,
    metadata: Option<RawJson>,
}

impl Request {
    /// Returns a request to `pattern`.
    ///
    /// # Errors
    /// [`CallError::MissingPattern`], [`CallError::MissingData`] and [`CallError::Encode`].
    pub fn new(pattern: impl Into<Pattern>, data: &(impl Serialize + ?Sized)) -> Result<Self, CallError> {
        let data = RawJson::from_value(data).map_err(|error| CallError::Encode(Arc::new(error)))?;
        if data == RawJson::null() {
            return Err(CallError::MissingData);
        }
        let pattern = pattern.into();
        require(&pattern)?;
        Ok(Self {
            pattern,
            data,
            metadata: None,
        })
    }

    /// Returns the same request with this metadata instead of the
    /// [client's](Client::with_metadata).
    ///
    /// # Errors
    /// [`CallError::Encode`].
    pub fn with_metadata(self, metadata: &(impl Serialize + ?Sized)) -> Result<Self, CallError> {
        let metadata = RawJson::from_value(metadata).map_err(|error| CallError::Encode(Arc::new(error)))?;
        Ok(Self {
            metadata: Some(metadata),
            ..self
        })
    }

    /// Returns what it is addressed to.
    #[must_use]
    pub fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// Returns what the handler gets.
    #[must_use]
    pub fn data(&self) -> &RawJson {
        &self.data
    }

    /// Metadata of its own.
    #[must_use]
    pub fn metadata(&self) -> Option<&RawJson> {
        self.metadata.as_ref()
    }

    /// Returns the client that sends it, what it is to send, and what watches that: from here on,
    /// not from the first poll on.
    fn begin(&self, kind: Kind, client: &Client) -> Result<(Client, OutgoingCall, CallTrace), CallError> {
        let client = match &self.metadata {
            Some(metadata) => client.with_raw_metadata(metadata.clone()),
            None => client.clone(),
        };
        let mut outgoing = OutgoingCall::new(kind);
        self.fill(&mut outgoing, client.pool.config.compat)?;
        let watch = client.watch(&mut outgoing);
        Ok((client, outgoing, watch))
    }

    fn fill(&self, outgoing: &mut OutgoingCall, compat: Compat) -> Result<(), CallError> {
        outgoing.address(&self.pattern, compat)?;
        outgoing.data(|out| {
            out.extend_from_slice(self.data.as_str().as_bytes());
            Ok(())
        })
    }
}

/// The answer to a [`Request`]: its last value, or JavaScript's undefined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply(Option<RawJson>);

impl Reply {
    /// Decodes the value; undefined is `()` or `None`.
    ///
    /// # Errors
    /// [`CallError::Decode`] and [`CallError::NoValue`].
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        decode(self.0.as_ref())
    }

    /// Returns the value as it came; `None` is undefined.
    #[must_use]
    pub fn raw(&self) -> Option<&RawJson> {
        self.0.as_ref()
    }
}

/// What the services of this module give: an outcome later.
type Answering<T> = Pin<Box<dyn Future<Output = Result<T, CallError>> + Send>>;

/// Sends a message and waits for its answer, as [`Client::send`].
///
/// It is always ready: limits are kept within the call
/// ([`ClientBuilder::max_in_flight`](crate::client::ClientBuilder::max_in_flight)), so that clones
/// need no readiness of their own.
///
/// [The module's documentation](crate::client#layers) has retries that a budget bounds around it.
impl Service<Request> for Client {
    type Response = Reply;
    type Error = CallError;
    type Future = Answering<Reply>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: Request) -> Answering<Reply> {
        let begun = call.begin(Kind::Request, self);
        Box::pin(async move {
            let (client, mut outgoing, mut watch) = begun?;
            let fill = |outgoing: &mut OutgoingCall| call.fill(outgoing, client.pool.config.compat);
            let answer = client.ask(&mut outgoing, &mut watch, fill).await;
            answer.map(Reply).map_err(|error| error.of_call(&call.pattern))
        })
    }
}

/// The service whose responses are the values of a call as they come, as [`Client::send_stream`]
/// gives them.
pub struct StreamingClient<T> {
    client: Client,
    item: PhantomData<fn() -> T>,
}

impl<T> StreamingClient<T> {
    /// Streams of values of type `T` over `client`.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self {
            client,
            item: PhantomData,
        }
    }
}

impl<T: 'static> Service<Request> for StreamingClient<T> {
    type Response = ReplyStream<T>;
    type Error = CallError;
    type Future = Answering<ReplyStream<T>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: Request) -> Answering<ReplyStream<T>> {
        let begun = call.begin(Kind::Stream { since: Instant::now() }, &self.client);
        Box::pin(async move {
            let (client, outgoing, watch) = begun?;
            client.ask_stream(call.pattern, outgoing, watch).await
        })
    }
}

impl<T> Clone for StreamingClient<T> {
    fn clone(&self) -> Self {
        Self::new(self.client.clone())
    }
}

impl<T> fmt::Debug for StreamingClient<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StreamingClient").field(&self.client).finish()
    }
}
