//! Nest's own client, driven by lines.

use std::{collections::BTreeMap, process::Stdio};

use nest_wire::json;
use nest_wire_harness::App;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout},
    time::timeout,
};

use crate::{Environment, Implementation, PATIENCE};

/// The `ClientTCP` of a major in a process of its own, which ends when this value is dropped.
#[derive(Debug)]
pub struct NestClient {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl NestClient {
    /// Starts a client of the service on `port` of 127.0.0.1. It connects when it has something to
    /// send.
    ///
    /// # Panics
    /// Panics if it does not start.
    pub async fn start(environment: &Environment, major: u8, port: u16) -> Self {
        Self::start_with(environment, major, &["--port", &port.to_string()]).await
    }

    /// Starts a client like [`start`](Self::start), with these flags instead of a port.
    ///
    /// # Panics
    /// Panics as [`start`](Self::start) does.
    pub async fn start_with(environment: &Environment, major: u8, flags: &[&str]) -> Self {
        Self::start_as(environment, App::ClientTcp, major, flags).await
    }

    /// Starts another program that is driven by lines, like [`start_with`](Self::start_with).
    ///
    /// # Panics
    /// Panics as [`start`](Self::start) does.
    pub async fn start_as(environment: &Environment, app: App, major: u8, flags: &[&str]) -> Self {
        let mut command = environment.command(app, Implementation::Nest(major));
        command
            .args(flags)
            // Node warns about unusually many listeners.
            .env("NODE_NO_WARNINGS", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().expect("node can be run");
        let output = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let mut client = Self {
            input: child.stdin.take().expect("a pipe"),
            output,
            child,
        };
        assert_eq!(client.hear().await.as_deref(), Some(r#"{"ready":true}"#));
        client
    }

    /// Sends these lines to the client. `node-harness/README.md` describes them.
    ///
    /// # Panics
    /// Panics if the client has ended.
    pub async fn tell(&mut self, lines: &[String]) {
        let lines = lines.join("\n") + "\n";
        self.input.write_all(lines.as_bytes()).await.expect("it reads");
    }

    /// Returns the next event of one of the client's observables, as printed, or `None` once the
    /// client has ended.
    ///
    /// # Panics
    /// Panics if nothing arrives in time.
    pub async fn hear(&mut self) -> Option<String> {
        let line = timeout(PATIENCE, self.output.next_line()).await;
        line.expect("a line in time").expect("it prints text")
    }

    /// Ends the client's input. Returns the further events of its observables, until all of them
    /// have ended.
    ///
    /// # Panics
    /// Panics if the client fails or is not done in time.
    pub async fn end(self) -> Vec<String> {
        let Self {
            mut child,
            input,
            mut output,
        } = self;
        drop(input);
        let rest = async {
            let mut lines = Vec::new();
            while let Some(line) = output.next_line().await.expect("it prints text") {
                lines.push(line);
            }
            let status = child.wait().await.expect("it ends");
            assert!(status.success(), "the client ended with {status}");
            lines
        };
        let rest = timeout(PATIENCE, rest).await;
        rest.unwrap_or_else(|_| panic!("the client was not done within {PATIENCE:?}"))
    }
}

/// Sends `lines` (see `node-harness/README.md`) to the `ClientTCP` of a major, for the service on
/// `port` of 127.0.0.1. Returns the printed events of its observables by key; events of different
/// keys have no order.
///
/// # Panics
/// Panics if the client fails or is not done in time.
pub async fn ask_client(
    environment: &Environment,
    major: u8,
    port: u16,
    lines: &[String],
) -> BTreeMap<String, Vec<String>> {
    ask_client_with(environment, major, &["--port", &port.to_string()], lines).await
}

/// Does the same as [`ask_client`], with these flags instead of a port.
///
/// # Panics
/// Panics as [`ask_client`] does.
pub async fn ask_client_with(
    environment: &Environment,
    major: u8,
    flags: &[&str],
    lines: &[String],
) -> BTreeMap<String, Vec<String>> {
    let mut client = NestClient::start_with(environment, major, flags).await;
    client.tell(lines).await;
    let mut done: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in client.end().await {
        let value = json::parse(&line).expect("a line of JSON");
        let key = value.as_object().and_then(|line| line.get("key"));
        let key = key.map(json::Value::stringify).unwrap_or_default();
        done.entry(key).or_default().push(line);
    }
    done
}
