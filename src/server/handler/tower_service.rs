//! A tower service as a handler.

use std::{any::Any, error::Error, future::poll_fn};

use tower_service::Service;

use crate::{
    packet::RpcError,
    server::{Reply, Request, handler::HandlerService, reply::IntoReply},
};

pub(in crate::server) type BoxError = Box<dyn Error + Send + Sync>;

/// Turns a service into a handler. Returns a handler that is passed in as it is, without another
/// future around it.
pub(in crate::server) fn endpoint_of<S>(service: S) -> HandlerService
where
    S: Service<Request, Response: IntoReply, Error: Into<BoxError>, Future: Send>,
    S: Clone + Send + Sync + 'static,
{
    let is_one = (&service as &dyn Any).downcast_ref::<HandlerService>().cloned();
    is_one.unwrap_or_else(|| HandlerService::new(move |request| Box::pin(run(service.clone(), request))))
}

async fn run<S>(mut service: S, request: Request) -> Reply
where
    S: Service<Request, Response: IntoReply, Error: Into<BoxError>>,
{
    if let Err(error) = poll_fn(|cx| service.poll_ready(cx)).await {
        return Reply::Error(told(error.into()));
    }
    match service.call(request).await {
        Ok(reply) => reply.into_reply(),
        Err(error) => Reply::Error(told(error.into())),
    }
}

/// Returns the error that the caller receives for a layer's error.
fn told(error: BoxError) -> RpcError {
    #[cfg(feature = "tower")]
    if error.is::<tower::timeout::error::Elapsed>() || error.is::<tower::load_shed::error::Overloaded>() {
        return RpcError::new(error);
    }
    RpcError::internal_from(error)
}
