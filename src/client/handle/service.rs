//! The client as a [`tower_service::Service`], for tower's layers: retries, timeouts, limits, load
//! shedding.
//!
//! No module of this crate is above this one: a layer alone decides what to do with a [`Request`].

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
            outgoing::{CallKind, OutgoingCall, require},
            trace::CallTrace,
        },
        handle::decode,
    },
    compat::Compat,
    packet::RawJson,
    pattern::Pattern,
};

/// A request as a value, cheap to clone so that it can be sent again.
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

    /// Returns the request with this metadata instead of the [client's](Client::with_metadata).
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

    /// Returns the pattern that the request is sent to.
    #[must_use]
    pub fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// Returns the data that the handler receives.
    #[must_use]
    pub fn data(&self) -> &RawJson {
        &self.data
    }

    /// Returns the request's own metadata, if it has any.
    #[must_use]
    pub fn metadata(&self) -> Option<&RawJson> {
        self.metadata.as_ref()
    }

    /// Begins the request. Returns the client that sends it, its packet and its trace, which starts
    /// here and not with the first poll.
    fn begin(&self, kind: CallKind, client: &Client) -> Result<(Client, OutgoingCall, CallTrace), CallError> {
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

/// The reply to a [`Request`]: its last value, or JavaScript's undefined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply(Option<RawJson>);

impl Reply {
    /// Decodes the value and returns it; undefined is `()` or `None`.
    ///
    /// # Errors
    /// [`CallError::Decode`] and [`CallError::NoValue`].
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        decode(self.0.as_ref())
    }

    /// Returns the value as it was received; `None` is undefined.
    #[must_use]
    pub fn raw(&self) -> Option<&RawJson> {
        self.0.as_ref()
    }
}

/// The future of the services in this module.
type Answering<T> = Pin<Box<dyn Future<Output = Result<T, CallError>> + Send>>;

/// Sends a message and waits for the reply, as [`Client::send`] does.
///
/// The service is always ready: the call itself observes the limits
/// ([`ClientBuilder::max_in_flight`](crate::client::ClientBuilder::max_in_flight)), so that clones
/// need no readiness of their own.
///
/// [The module's documentation](crate::client#layers) shows retries with a budget around it.
impl Service<Request> for Client {
    type Response = Reply;
    type Error = CallError;
    type Future = Answering<Reply>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: Request) -> Answering<Reply> {
        let begun = call.begin(CallKind::Request, self);
        Box::pin(async move {
            let (client, mut outgoing, mut watch) = begun?;
            let fill = |outgoing: &mut OutgoingCall| call.fill(outgoing, client.pool.config.compat);
            let answer = client.ask(&mut outgoing, &mut watch, fill).await;
            answer.map(Reply).map_err(|error| error.of_call(&call.pattern))
        })
    }
}

/// A service with streams as responses: the values of a call as they come, as
/// [`Client::send_stream`] returns them.
pub struct StreamingClient<T> {
    client: Client,
    item: PhantomData<fn() -> T>,
}

impl<T> StreamingClient<T> {
    /// Returns a service of streams of `T` values over `client`.
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
        let begun = call.begin(CallKind::Stream { since: Instant::now() }, &self.client);
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
