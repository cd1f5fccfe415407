//! NATS on either side of a bridge.

use std::{future::Future, sync::Arc, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};
use nest_wire::server::Router;
use nest_wire_nats::{Client, serve};

use super::{backend::Backend, handler::Bridge};
use crate::failure::{Failure, Status, with_causes};

/// Connects to a server to which requests are passed on.
pub(super) async fn backend(server: &str, timeout: Duration) -> Result<Backend, Failure> {
    let client = Client::new(connect(server).await?);
    Ok(Backend::Nats(client.with_timeout(timeout)))
}

async fn connect(server: &str) -> Result<async_nats::Client, Failure> {
    let connected = async_nats::connect(server).await;
    connected.map_err(|error| {
        let message = format!("cannot connect to {server}: {}", with_causes(&error));
        Failure::new(Status::NoConnection, message)
    })
}

/// The subjects of NATS whose messages are passed on.
pub(super) struct Service<'a> {
    pub(super) subjects: &'a [String],
    pub(super) queue: Option<&'a str>,
    pub(super) drain: Duration,
}

impl Service<'_> {
    /// Subscribes. Returns the future that handles messages until `stopped` completes.
    pub(super) async fn subscribe(
        self,
        server: &str,
        bridge: &Arc<Bridge>,
        stopped: impl Future<Output = ()> + Send + 'static,
    ) -> Result<BoxFuture<'static, Result<(), Failure>>, Failure> {
        let router = self.subjects.iter().fold(Router::new(), |router, subject| {
            router.message(subject.as_str(), bridge.handler())
        });
        let mut serving = serve(connect(server).await?, router).drain_timeout(self.drain);
        if let Some(queue) = self.queue {
            serving = serving.queue(queue);
        }
        let failed = |error: nest_wire_nats::ServeError| match error {
            nest_wire_nats::ServeError::InvalidSubjects(_) => Failure::usage(error),
            error => Failure::new(Status::NoConnection, with_causes(&error)),
        };
        let subscribed = serving
            .with_graceful_shutdown(stopped)
            .subscribe()
            .await
            .map_err(failed)?;
        Ok(async move { subscribed.await.map(drop).map_err(failed) }.boxed())
    }
}
