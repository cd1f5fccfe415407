//! Unix sockets, in both roles: Nest passes a path given as port on to Node.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use compat_tests::{Environment, Implementation, PATIENCE, ask_client, ask_client_with};
use nest_wire::{
    client::{Client, Target},
    connection::TransportConfig,
};
use nest_wire_harness::App;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::UnixListener,
    process::Child,
    time::timeout,
};

use crate::{calls::calls, service::Served};

/// A path for this test only, which is free again when this value is dropped.
struct Socket(PathBuf);

impl Socket {
    fn named(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("nest-wire-{name}-{}.sock", std::process::id())))
    }

    fn path(&self) -> &Path {
        &self.0
    }

    fn text(&self) -> &str {
        self.0.to_str().expect("UTF-8")
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // The listener may have removed it.
        let _ = std::fs::remove_file(&self.0);
    }
}

#[tokio::test]
async fn nests_client_can_not_tell_us_from_nest_over_a_unix_socket() {
    let environment = Environment::ready().await;
    let socket = Socket::named("ours");
    let listener = UnixListener::bind(socket.path()).expect("a free path");
    let _ours = Served::start(listener, TransportConfig::default());
    let flags = ["--path", socket.text()];
    let heard = ask_client_with(environment, 12, &flags, &calls()).await;

    let nest = environment.start(App::Conformance, Implementation::Nest(12), &[]).await;
    assert_eq!(
        heard,
        ask_client(environment, 12, nest.address().port(), &calls()).await
    );
}

#[tokio::test]
async fn our_client_calls_nest_over_a_unix_socket() {
    let socket = Socket::named("nests");
    let _nest = nest_on(&socket).await;
    let client = Client::builder().build(Target::unix(socket.path())).expect("a client");
    assert_eq!(client.send::<String>("ping", &0).await.expect("an answer"), "pong");
    let long = "求😀".repeat(100_000);
    assert_eq!(client.send::<String>("echo", &long).await.expect("the text"), long);
    client.close().await;
}

/// Starts a Nest service on a Unix socket and waits until it listens. Dropping the child kills it.
async fn nest_on(socket: &Socket) -> Child {
    let mut command = Environment::ready()
        .await
        .command(App::Conformance, Implementation::Nest(12));
    command.args(["--path", socket.text()]);
    let mut nest = command
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("node starts");
    let mut lines = BufReader::new(nest.stdout.take().expect("a pipe")).lines();
    let first = timeout(PATIENCE, lines.next_line())
        .await
        .expect("it says where it listens");
    assert_eq!(first.expect("readable"), Some(format!("listening {}", socket.text())));
    nest
}
