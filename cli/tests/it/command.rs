//! Running the binary, and services for it to call.

use std::{collections::BTreeSet, future::IntoFuture, net::SocketAddr, path::PathBuf, process::Stdio};

use nest_wire::server::{HostListener, Router, serve};
use tokio::{
    io::AsyncWriteExt,
    process::{Child, Command},
};

/// The hint that a refused connection has.
pub(crate) const IS_IT_RUNNING: &str =
    "hint: is the service running? Nest listens on localhost:3000 unless told otherwise\n";

/// How the binary ended, and what it printed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The binary, its standard streams piped.
pub(crate) fn nest_wire<A: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nest-wire"));
    command
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Runs it to its end, with nothing on standard input.
pub(crate) async fn run(args: &[&str]) -> Ended {
    run_with_stdin(args, b"").await
}

/// Runs it to its end.
pub(crate) async fn run_with_stdin(args: &[&str], stdin: &[u8]) -> Ended {
    let mut child = nest_wire(args).spawn().expect("the binary runs");
    let mut pipe = child.stdin.take().expect("a pipe");
    // It need not read what it is not interested in.
    let _ = pipe.write_all(stdin).await;
    drop(pipe);
    end_of(child).await
}

pub(crate) async fn end_of(child: Child) -> Ended {
    let output = child.wait_with_output().await.expect("the binary ends");
    Ended {
        status: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("text"),
        stderr: String::from_utf8(output.stderr).expect("text"),
    }
}

/// Returns the names of all commands, as the help lists them.
#[cfg(unix)]
pub(crate) async fn commands() -> BTreeSet<String> {
    let help = run(&["--help"]).await.stdout;
    let (_, listed) = help.split_once("Commands:\n").expect("a list");
    let listed = listed.lines().take_while(|line| !line.is_empty());
    listed
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .collect()
}

impl Ended {
    pub(crate) fn well(stdout: &str) -> Self {
        Self {
            status: Some(0),
            stdout: stdout.to_owned(),
            stderr: String::new(),
        }
    }

    pub(crate) fn badly(status: i32, stderr: &str) -> Self {
        Self {
            status: Some(status),
            stdout: String::new(),
            stderr: stderr.to_owned(),
        }
    }

    /// As [`badly`](Self::badly), after it has printed something.
    pub(crate) fn having_printed(self, stdout: &str) -> Self {
        Self {
            stdout: stdout.to_owned(),
            ..self
        }
    }
}

/// Makes an empty directory for this test alone, and returns it.
pub(crate) fn fresh_directory(test: &str) -> PathBuf {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).expect("a directory");
    directory
}

/// Returns an address at which nothing listens.
pub(crate) fn nowhere() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("bound").to_string()
}

/// Serves on a free port for as long as the test runs; gives `HOST:PORT`.
pub(crate) async fn service(router: Router) -> String {
    service_at("127.0.0.1:0", router)
        .await
        .expect("a free port")
        .to_string()
}

pub(crate) async fn service_at(address: &str, router: Router) -> std::io::Result<SocketAddr> {
    let listener = HostListener::bind(address).await?;
    let address = listener.local_addrs()?[0];
    tokio::spawn(serve(listener, router).into_future());
    Ok(address)
}
