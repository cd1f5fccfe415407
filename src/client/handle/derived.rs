//! Copies of a client with one thing changed.

use std::{sync::Arc, time::Duration};

use serde::Serialize;

use crate::{
    client::{CallError, Client},
    packet::RawJson,
};

impl Client {
    /// Returns the same client with another timeout for its calls.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self {
            timeout,
            ..self.clone()
        }
    }

    /// Returns the same client with this `metadata` in each packet it sends, which services read
    /// from their context (Nest 12.1 and later; older ones ignore it).
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

    /// Returns the same client passing the trace on that it is called in (feature `otel`): the
    /// metadata of each packet carries the context of the call's span, W3C's `traceparent` and
    /// `tracestate` for example, beside whatever other metadata there is. Services that read it, as
    /// a router with [`trace_context`](crate::server::Router::trace_context) does, put their spans
    /// below it.
    ///
    /// The members are written by OpenTelemetry's global propagator, which has to be set
    /// (`opentelemetry::global::set_text_map_propagator`), and spans get there by a layer of
    /// `tracing-opentelemetry`. They then have the level `INFO`, otherwise `DEBUG`. Metadata that
    /// is no object stays without. `docs/OBSERVABILITY.md` shows all of it together.
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

    /// Returns the same client telling services how long its calls wait: the metadata of each
    /// packet has the member `key`, the time when the call is given up, in milliseconds since 1970
    /// as `Date.now()` counts them.
    ///
    /// A Nest handler compares it: `context.getMetadata().deadline < Date.now()`; one that calls on
    /// passes it on. The clocks of both machines have to agree. Metadata that is no object, and
    /// calls whose timeout is beyond all time, stay without it.
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
    /// /// On the other side, if that is ours: gives up what its caller has given up.
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
