//! The two sides: oracles that answer lines, and services on sockets.

use std::{future::Future, net::SocketAddr, process::Stdio, time::Duration};

use nest_wire::{
    Compat,
    server::{HostListener, serve},
};
use nest_wire_harness::{App, Harness, Service};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::conformance;

/// Maximum time for any reply on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Returns the harness, with the packages of these majors installed.
pub(crate) async fn harness(majors: &[u8]) -> Harness {
    let harness = Harness::find().expect("the tests run in a checkout");
    harness.install(majors, |_| {}).await.expect("npm ci works");
    harness
}

/// One of `node-harness/oracles`. It ends with its input, which ends when this value is dropped.
pub(crate) struct Oracle {
    _child: Child,
    questions: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Oracle {
    pub(crate) async fn start(app: App, major: u8) -> Self {
        Self::spawn(harness(&[major]).await.node(app, major))
    }

    pub(crate) fn spawn(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("node is installed");
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        Self {
            _child: child,
            questions: stdin.expect("it is piped"),
            answers: BufReader::new(stdout.expect("it is piped")).lines(),
        }
    }

    /// Sends all questions and waits for as many answers.
    pub(crate) async fn ask(&mut self, questions: &[String]) -> Vec<String> {
        let Self {
            questions: stdin,
            answers,
            ..
        } = self;
        let lines: String = questions.iter().flat_map(|line| [line, "\n"]).collect();
        let asked = async { stdin.write_all(lines.as_bytes()).await.expect("the oracle runs") };
        let answered = async {
            let mut lines = Vec::with_capacity(questions.len());
            while lines.len() < questions.len() {
                lines.push(next_line(answers).await);
            }
            lines
        };
        in_time(async { tokio::join!(asked, answered).1 }).await
    }

    /// Sends lines that may have any number of answers.
    pub(crate) async fn tell(&mut self, lines: &str) {
        let told = self.questions.write_all(lines.as_bytes());
        in_time(told).await.expect("the oracle runs");
    }

    pub(crate) async fn hear(&mut self) -> String {
        in_time(next_line(&mut self.answers)).await
    }
}

async fn next_line(lines: &mut Lines<BufReader<ChildStdout>>) -> String {
    let line = lines.next_line().await.expect("the oracle writes UTF-8");
    line.expect("the oracle runs until its input ends")
}

/// Starts the conformance service of a major of Nest, in a process of its own.
pub(crate) async fn nest_service(major: u8) -> Service {
    let command = harness(&[major]).await.node(App::Conformance, major);
    Service::start(format!("the service on Nest {major}"), command)
        .await
        .expect("it starts")
}

/// Starts the conformance service in Rust, following this major, in this process. It ends with the
/// test's runtime.
pub(crate) async fn our_service(major: u8) -> SocketAddr {
    let listener = HostListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addrs().expect("it is bound")[0];
    let router = conformance::router().expect("its patterns are JSON");
    let compat = Compat::from_major(major).expect("a major that is pinned");
    tokio::spawn(serve(listener, router.compat(compat)).into_future());
    address
}

/// Waits for a future.
///
/// # Panics
/// Panics if it takes longer than [`PATIENCE`].
pub(crate) async fn in_time<T>(waiting: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .expect("an answer in time")
}
