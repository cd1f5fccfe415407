//! A NATS server for each test, and what tests do with it.

use std::{future::IntoFuture, sync::Arc};

use nest_wire::server::{IntoRoutes, Router};
use nest_wire_harness::{Harness, NatsServer};
use nest_wire_nats::{Client, Serve, ServeError, ShutdownOutcome, serve};
use tokio::{sync::Notify, task::JoinHandle};

/// A server and connections to it.
pub(crate) struct Nats {
    pub(crate) server: NatsServer,
}

impl Nats {
    pub(crate) async fn start() -> Self {
        let harness = Harness::find().expect("a checkout");
        let server = NatsServer::start(&harness).await.expect("a NATS server");
        Self { server }
    }

    /// Returns a connection of its own.
    pub(crate) async fn connection(&self) -> async_nats::Client {
        async_nats::connect(self.server.url()).await.expect("it listens")
    }

    pub(crate) async fn client(&self) -> Client {
        Client::new(self.connection().await)
    }

    /// Serves a router over a connection of its own. When this completes, it gets messages.
    pub(crate) async fn serve(&self, router: Router) -> Service {
        self.serve_as(router, |serve| serve).await
    }

    /// As [`serve`](Self::serve), with further settings.
    pub(crate) async fn serve_as(
        &self,
        router: impl IntoRoutes,
        settings: impl FnOnce(Serve<std::future::Pending<()>>) -> Serve<std::future::Pending<()>>,
    ) -> Service {
        let nats = self.connection().await;
        self.serve_over(nats, router, settings).await
    }

    /// As [`serve_as`](Self::serve_as), over this connection.
    pub(crate) async fn serve_over(
        &self,
        nats: async_nats::Client,
        router: impl IntoRoutes,
        settings: impl FnOnce(Serve<std::future::Pending<()>>) -> Serve<std::future::Pending<()>>,
    ) -> Service {
        let stop = Arc::new(Notify::new());
        let signal = {
            let stop = Arc::clone(&stop);
            async move { stop.notified().await }
        };
        let serve = settings(serve(nats, router)).with_graceful_shutdown(signal);
        let subscribed = serve.subscribe().await.expect("it subscribes");
        Service {
            stop,
            running: tokio::spawn(subscribed.into_future()),
        }
    }
}

/// A service that runs in a task.
pub(crate) struct Service {
    stop: Arc<Notify>,
    running: JoinHandle<Result<ShutdownOutcome, ServeError>>,
}

impl Service {
    /// Sends the signal to stop.
    pub(crate) fn stop(&self) {
        self.stop.notify_one();
    }

    pub(crate) async fn ended(self) -> Result<ShutdownOutcome, ServeError> {
        self.running.await.expect("it does not panic")
    }
}
