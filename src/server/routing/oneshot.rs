//! Calls a router's handlers without a connection.

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tower_service::Service;

use crate::{
    compat::Compat,
    json::push_quoted_str,
    packet::{RawJson, RpcError},
    pattern::Pattern,
    server::{
        Reply, Request, RequestKind, Router, Routes,
        routing::table::Lookup,
        session::{call::HandlerCall, log_context::LogContext, trace::RequestTrace},
    },
};
use serde::Serialize;

impl Request {
    /// Makes a message to `pattern` as `send` sends it, for tests of extractors, layers and
    /// routers. Returns the request. Its other fields are empty and may be set; undefined data is
    /// `None`.
    ///
    /// # Errors
    /// `data` can't be serialised.
    pub fn message(pattern: impl Into<Pattern>, data: &(impl Serialize + ?Sized)) -> Result<Self, serde_json::Error> {
        Ok(Self::new(
            RequestKind::Message,
            &pattern.into().to_string(),
            RawJson::from_value(data)?,
        ))
    }

    /// Makes an event of `pattern` as `emit` sends it: addressed to the pattern's route. Returns
    /// the request.
    ///
    /// # Errors
    /// `data` can't be serialised.
    pub fn event(pattern: impl Into<Pattern>, data: &(impl Serialize + ?Sized)) -> Result<Self, serde_json::Error> {
        let route = pattern.into().route(Compat::default()).to_string();
        Ok(Self::new(RequestKind::Event, &route, RawJson::from_value(data)?))
    }

    fn new(kind: RequestKind, pattern: &str, data: RawJson) -> Self {
        Self {
            kind,
            pattern: Some(pattern.into()),
            data: Some(data),
            metadata: None,
            peer: None,
            extensions: http::Extensions::new(),
            permit: None,
        }
    }
}

impl Router {
    /// Runs the handler that `request` is addressed to, without a connection, like axum's
    /// `oneshot`. Returns its reply, which is a [`Reply::Error`] if the handler panics or the
    /// pattern has no handler.
    ///
    /// ```
    /// use nest_wire::server::{Payload, Reply, Request, Router};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), serde_json::Error> {
    /// let router = Router::new().message("double", async |Payload(n): Payload<u32>| 2 * n);
    /// let reply = router.oneshot(Request::message("double", &21)?).await;
    /// assert!(matches!(reply, Reply::Value(value) if value.as_str() == "42"));
    /// # Ok(()) }
    /// ```
    pub async fn oneshot(self, request: Request) -> Reply {
        handle(self.into_routes(), request).await
    }
}

/// Runs handlers without a connection, as [`Router::oneshot`] does, any number of times.
impl Service<Request> for Arc<Routes> {
    type Response = Reply;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Reply, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let routes = Self::clone(self);
        Box::pin(async move { Ok(handle(routes, request).await) })
    }
}

async fn handle(routes: Arc<Routes>, request: Request) -> Reply {
    let mut looked_up = Lookup::default();
    let text = request.pattern.as_deref().map(|pattern| {
        let mut text = String::new();
        push_quoted_str(pattern, &mut text);
        text
    });
    let found = routes.find(text.as_deref(), &mut looked_up);
    let Some(handler) = found.handler else {
        return Reply::Error(RpcError::no_handler());
    };
    let (kind, origin) = (request.kind, LogContext::of(&request).kept());
    let trace = RequestTrace::new(tracing::Span::current(), found.meters.begin());
    let mut call = HandlerCall::new(kind, trace, origin.get(), || handler.start(|| request, routes.compat));
    poll_fn(|cx| call.poll_reply(cx, origin.get())).await
}
