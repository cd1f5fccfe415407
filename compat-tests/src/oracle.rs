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

/// The `ClientTCP` of a major in a process of its own, which ends with this.
#[derive(Debug)]
pub struct NestClient {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl NestClient {
    /// Starts one for the service on `port` of 127.0.0.1. It connects when it has something to send.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start(environment: &Environment, major: u8, port: u16) -> Self {
        Self::start_with(environment, major, &["--port", &port.to_string()]).await
    }

    /// As [`start`](Self::start), with these flags instead of a port.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub async fn start_with(environment: &Environment, major: u8, flags: &[&str]) -> Self {
        Self::start_as(environment, App::ClientTcp, major, flags).await
    }

    /// As [`start_with`](Self::start_with), another program that is driven by lines.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub async fn start_as(environment: &Environment, app: App, major: u8, flags: &[&str]) -> Self {
        let mut command = environment.command(app, Implementation::Nest(major));
        command
            .args(flags)
            // It warns of more calls at once than it is used to.
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

    /// Has it do what these lines say: see `node-harness/README.md`.
    ///
    /// # Panics
    /// If it has ended.
    pub async fn tell(&mut self, lines: &[String]) {
        let lines = lines.join("\n") + "\n";
        self.input.write_all(lines.as_bytes()).await.expect("it reads");
    }

    /// What one of its observables did next, as it printed it; `None` once it has ended.
    ///
    /// # Panics
    /// If nothing comes in time.
    pub async fn hear(&mut self) -> Option<String> {
        let line = timeout(PATIENCE, self.output.next_line()).await;
        line.expect("a line in time").expect("it prints text")
    }

    /// Tells it that there is no more to do: what its observables did until all of them had ended.
    ///
    /// # Panics
    /// If it fails, or is not done in time.
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

/// Has the `ClientTCP` of a major do what `lines` say (see `node-harness/README.md`) to the service on `port` of
/// 127.0.0.1. Gives what its observables did, as it printed it, by key: what belongs to different keys has no order.
///
/// # Panics
/// If it fails, or is not done in time.
pub async fn ask_client(
    environment: &Environment,
    major: u8,
    port: u16,
    lines: &[String],
) -> BTreeMap<String, Vec<String>> {
    ask_client_with(environment, major, &["--port", &port.to_string()], lines).await
}

/// As [`ask_client`], with these flags instead of a port.
///
/// # Panics
/// As [`ask_client`].
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
