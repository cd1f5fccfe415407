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
    packet::RpcError,
    server::{
        Reply, Request, Router, Routes,
        exchange::{begin::quoted, log_context::LogContext},
        routing::table::Lookup,
    },
};

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
    let text = request.pattern.as_deref().map(quoted);
    let found = routes.find(text.as_deref(), &mut looked_up);
    let origin = LogContext::of(&request).kept();
    match routes.start(&found, request) {
        Some(mut call) => poll_fn(|cx| call.poll_reply(cx, origin.get())).await,
        None => Reply::Error(RpcError::no_handler()),
    }
}
