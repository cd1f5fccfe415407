//! `examples/service`: the steps of its Dockerfile, the result as process 1 in a root folder of its
//! own, calls from real Nest, and SIGTERM with a call in flight.

use std::{collections::HashMap, fs, net::SocketAddr, path::PathBuf, process::Stdio};

use compat_tests::{Environment, NestClient, PATIENCE};
use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

/// The last stage of the Dockerfile, in a folder.
#[derive(Debug, Deserialize)]
struct Image {
    root: PathBuf,
    entrypoint: Vec<String>,
    env: HashMap<String, String>,
}

impl Image {
    async fn build(environment: &Environment) -> Self {
        let checkout = environment.harness().checkout();
        let mut command = Command::new("node");
        command
            .current_dir(checkout)
            .args([".ci/dockerfile.mjs", "examples/service", "target", "nest-wire=."]);
        let output = command.output().await.expect("node can be run");
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{log}");
        serde_json::from_slice(&output.stdout).expect("a description of the image")
    }

    /// Makes a command that runs in the image as process 1, which ignores each signal that it has
    /// no handler for.
    fn command(&self, port: u16, arguments: &[&str]) -> Command {
        let mut command = Command::new("unshare");
        command
            .args(isolation())
            .arg(format!("--root={}", self.root.display()))
            .args(&self.entrypoint)
            .args(arguments)
            .env_clear()
            .envs(&self.env)
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("PORT", port.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Returns true if the image's own probe finds the service healthy.
    async fn is_healthy(&self, port: u16) -> bool {
        let output = self.command(port, &["check"]).output().await;
        output.expect("`unshare` can be run").status.success()
    }
}

/// Returns the flags with which `unshare` gives a program its own process namespace. Root needs no
/// more, other users need a user namespace.
fn isolation() -> &'static [&'static str] {
    const OF_ROOT: &[&str] = &["--pid", "--fork", "--kill-child"];
    const OF_OTHERS: &[&str] = &["--user", "--map-root-user", "--pid", "--fork", "--kill-child"];
    let mut probe = std::process::Command::new("unshare");
    probe.args(OF_ROOT).arg("true").stderr(Stdio::null());
    match probe.status().expect("`unshare` can be run").success() {
        true => OF_ROOT,
        false => OF_OTHERS,
    }
}

/// A running container.
struct Container {
    unshare: Child,
    log: Lines<BufReader<ChildStdout>>,
}

impl Container {
    fn start(image: &Image) -> Self {
        let mut unshare = image.command(0, &[]).spawn().expect("`unshare` can be run");
        let log = BufReader::new(unshare.stdout.take().expect("a pipe")).lines();
        Self { unshare, log }
    }

    /// Waits for a line with `words` in it, and returns what follows them.
    async fn logged(&mut self, words: &str) -> String {
        let found = async {
            while let Some(line) = self.log.next_line().await.expect("text") {
                if let Some((_, rest)) = line.split_once(words) {
                    return rest.to_owned();
                }
            }
            panic!("the service ended and never logged `{words}`");
        };
        timeout(PATIENCE, found).await.expect("a line in time")
    }

    /// Sends SIGTERM to process 1.
    async fn terminate(&self) {
        let unshare = self.unshare.id().expect("it runs");
        let children = fs::read_to_string(format!("/proc/{unshare}/task/{unshare}/children"));
        let process_1 = children.expect("a list of processes");
        let sent = Command::new("kill").args(["-TERM", process_1.trim()]).status().await;
        assert!(sent.expect("`kill` can be run").success());
    }
}

#[tokio::test]
async fn the_service_to_copy_serves_nest_as_process_1_and_drains_on_sigterm() {
    let environment = Environment::ready().await;
    let image = Image::build(environment).await;
    let mut container = Container::start(&image);
    let address: SocketAddr = container.logged("listening on ").await.parse().expect("an address");
    assert!(address.ip().is_unspecified());
    assert!(image.is_healthy(address.port()).await);

    let mut nest = NestClient::start(environment, 12, address.port()).await;
    nest.tell(&[
        r#"{"op":"emit","key":0,"pattern":"user_created","data":{"name":"Ada"}}"#.to_owned(),
        r#"{"op":"send","key":1,"pattern":{"cmd":"report"},"data":{"millis":1500}}"#.to_owned(),
        r#"{"op":"send","key":2,"pattern":{"cmd":"sum"},"data":[3,5,6]}"#.to_owned(),
    ])
    .await;
    // The second reply shows that the first request's handler is running.
    let mut heard = Vec::new();
    while heard.last().is_none_or(|line| line != r#"{"key":2,"complete":true}"#) {
        heard.push(nest.hear().await.expect("a reply"));
    }
    assert!(heard.contains(&r#"{"key":2,"next":14}"#.to_owned()), "{heard:?}");
    assert!(container.logged("a user was created ").await.contains("Ada"));

    container.terminate().await;
    container.logged("draining").await;
    heard.extend(nest.end().await);
    assert!(heard.contains(&r#"{"key":1,"next":"done"}"#.to_owned()), "{heard:?}");
    container.logged("stopped").await;
    let ended = timeout(PATIENCE, container.unshare.wait()).await;
    let status = ended.expect("it ends in time").expect("a status");
    assert!(status.success(), "{status}");
    assert!(!image.is_healthy(address.port()).await);
}

#[test]
fn the_grace_periods_and_probes_of_the_service_to_copy_are_longer_than_its_own_times() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/service/");
    let read = |name: &str| fs::read_to_string(format!("{folder}{name}")).expect("a file");
    let (main, compose, kubernetes) = (read("src/main.rs"), read("compose.yaml"), read("kubernetes.yaml"));
    let drain = number_after(&main, "DRAIN_TIMEOUT: Duration = Duration::from_secs(");
    let check = number_after(&main, "CHECK_TIMEOUT: Duration = Duration::from_secs(");

    assert!(number_after(&compose, "stop_grace_period: ") > drain);
    assert!(number_after(&compose, "timeout: ") > check);
    let before_stop = number_after(&kubernetes, "sleep: { seconds: ");
    assert!(number_after(&kubernetes, "terminationGracePeriodSeconds: ") > before_stop + drain);
    assert!(number_after(&kubernetes, "timeoutSeconds: ") > check);
}

fn number_after(text: &str, words: &str) -> u64 {
    let (_, rest) = text.split_once(words).unwrap_or_else(|| panic!("no `{words}`"));
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("a number")
}
