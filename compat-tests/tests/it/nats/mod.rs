//! The NATS transport beside Nest's, over real NATS servers.

mod callers;
mod queues;
mod services;

use std::{future::IntoFuture, path::PathBuf};

use async_nats::HeaderMap;
use compat_tests::{Environment, Implementation};
use nest_wire::server::{Context, Payload, Router, extract::Extension};
use nest_wire_harness::{App, Harness, NatsServer, Service};
use nest_wire_nats::serve;
use tokio_util::task::AbortOnDropHandle;

use super::handlers;

/// The majors whose packages of NATS are pinned.
const MAJORS: [u8; 2] = [11, 12];

/// A NATS server for one test.
struct Nats {
    server: NatsServer,
    environment: &'static Environment,
}

/// A service that ends when this is dropped.
enum Served {
    Nest(Box<Service>),
    Rust { _task: AbortOnDropHandle<()> },
}

/// Returns the programs of NATS to test with: the one on the path, if there is one, and the pinned
/// one.
async fn programs() -> Vec<PathBuf> {
    let environment = Environment::ready().await;
    let pinned = environment.harness().fetch_nats_server().await;
    let on_path = Harness::version("nats-server").await;
    let on_path = on_path.ok().map(|_| PathBuf::from("nats-server"));
    let programs: Vec<PathBuf> = on_path.into_iter().chain(pinned.as_ref().ok().cloned()).collect();
    assert!(
        !programs.is_empty(),
        "no NATS server: {}",
        pinned.expect_err("no program")
    );
    programs
}

impl Served {
    /// Waits until Nest's process has ended by itself. Returns its log.
    async fn ended(self) -> String {
        let Self::Nest(mut process) = self else {
            panic!("ours does not end");
        };
        let status = process.ended().await.expect("it ends");
        assert!(!status.success());
        process.log()
    }
}

impl Nats {
    async fn start() -> Self {
        let program = programs().await.swap_remove(0);
        Self::start_program(program).await
    }

    async fn start_program(program: PathBuf) -> Self {
        Self {
            server: NatsServer::start_program(program, &[]).await.expect("it starts"),
            environment: Environment::ready().await,
        }
    }

    async fn connection(&self) -> async_nats::Client {
        async_nats::connect(self.server.url()).await.expect("it listens")
    }

    /// Starts the conformance service.
    async fn serve(&self, make: Implementation, queue: &str) -> Served {
        match make {
            Implementation::Nest(_) => {
                let flags = ["--nats", &self.server.url(), "--queue", queue];
                Served::Nest(Box::new(self.environment.start(App::Conformance, make, &flags).await))
            }
            Implementation::Rust => {
                let mut serving = serve(self.connection().await, router());
                if !queue.is_empty() {
                    serving = serving.queue(queue);
                }
                let running = serving.subscribe().await.expect("it subscribes").into_future();
                let task = tokio::spawn(async { drop(running.await) });
                Served::Rust {
                    _task: AbortOnDropHandle::new(task),
                }
            }
        }
    }
}

/// Returns the conformance service, with the handlers that need NATS.
fn router() -> Router {
    let subject = async |context: Context| context.pattern.map(|subject| subject.to_string());
    let header = async |Payload(name): Payload<String>, headers: Option<Extension<HeaderMap>>| {
        headers.and_then(|Extension(headers)| Some(headers.get(name)?.as_str().to_owned()))
    };
    handlers::router()
        .expect("the patterns are JSON")
        .message("user.*", subject)
        .message("deep.>", subject)
        .message("header", header)
        .message("long", async |Payload(length): Payload<usize>| "x".repeat(length))
}
