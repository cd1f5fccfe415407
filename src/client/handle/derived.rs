//! Copies of a client with one setting changed.

use std::{sync::Arc, time::Duration};

use serde::Serialize;

use crate::{
    client::{CallError, Client},
    packet::RawJson,
};

impl Client {
    /// Returns a copy of the client with another timeout for its calls.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self {
            timeout,
            ..self.clone()
        }
    }

    /// Returns a copy of the client that adds `metadata` to each packet it sends. Services read the
    /// metadata from their context (Nest 12.1 and later; older versions ignore it).
    ///
    /// # Errors
    /// [`CallError::Encode`].
    pub fn with_metadata(&self, metadata: &(impl Serialize + ?Sized)) -> Result<Self, CallError> {
        let metadata = RawJson::from_value(metadata).map_err(|error| CallError::Encode(Arc::new(error)))?;
        Ok(self.with_raw_metadata(metadata))
    }

    pub(in crate::client) fn with_raw_metadata(&self, metadata: RawJson) -> Self {
        Self {
            metadata: self.metadata.with(metadata),
            ..self.clone()
        }
    }

    /// Returns a copy of the client that passes the current trace on (feature `otel`): the metadata
    /// of each packet carries the context of the call's span, W3C's `traceparent` and `tracestate`
    /// for example, beside any other metadata. Services that read the context, as a router
    /// `with_trace_context` does, create their spans as children of the call's span.
    ///
    /// OpenTelemetry's global propagator writes the members and has to be set
    /// (`opentelemetry::global::set_text_map_propagator`); a layer of `tracing-opentelemetry`
    /// passes spans to OpenTelemetry. The spans of these calls have the level `INFO` instead of
    /// `DEBUG`. Metadata that is not an object carries no context. `docs/OBSERVABILITY.md` shows
    /// the complete set-up.
    ///
    /// ```
    /// let client = nest_wire::client::Client::new("localhost:8888").with_trace_context();
    /// ```
    #[cfg(feature = "otel")]
    #[must_use]
    pub fn with_trace_context(&self) -> Self {
        Self {
            metadata: self.metadata.traced(),
            ..self.clone()
        }
    }

    /// Returns a copy of the client that sends the deadline of its calls: the metadata of each
    /// packet has the member `key`, the time at which the caller gives up, in milliseconds since
    /// 1970 as `Date.now()` counts them.
    ///
    /// A Nest handler compares the deadline with its clock: `context.getMetadata().deadline <
    /// Date.now()`. A handler that makes further calls passes the deadline on. The clocks of both
    /// machines have to agree. Metadata that is not an object carries no deadline, nor do calls
    /// with a timeout that exceeds the range of the clock.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime, UNIX_EPOCH};
    /// use nest_wire::{client::Client, packet::RpcError, server::{Metadata, Reply, Request, Router, middleware::{Next, from_fn}}};
    ///
    /// let client = Client::new("localhost:8888").with_deadline_metadata("deadline");
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Until { deadline: u64 }
    ///
    ///     /// In a service of this crate: gives up when the caller has given up.
    /// async fn in_time(until: Option<Metadata<Until>>, request: Request, next: Next) -> Result<Reply, RpcError> {
    ///     let Some(Metadata(Until { deadline })) = until else {
    ///         return Ok(next.run(request).await);
    ///     };
    ///     let deadline = UNIX_EPOCH + Duration::from_millis(deadline);
    ///     let left = deadline.duration_since(SystemTime::now()).unwrap_or_default();
    ///     let reply = tokio::time::timeout(left, next.run(request)).await;
    ///     reply.map_err(|_| RpcError::new("too late"))
    /// }
    ///
    /// let router: Router = Router::new().message("ping", async || "pong").layer(from_fn(in_time));
    /// ```
    #[must_use]
    pub fn with_deadline_metadata(&self, key: &str) -> Self {
        Self {
            metadata: self.metadata.with_deadline(key),
            ..self.clone()
        }
    }
}
