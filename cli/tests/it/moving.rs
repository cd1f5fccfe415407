//! `docs/MOVING.md` as a whole: a real Nest service is recorded, and a Rust project made of the
//! recording takes its place, one handler at a time, without a call or an event lost.
#![cfg(unix)]

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
};

use futures_util::{StreamExt, future::join_all, stream};
use nest_wire_harness::{Harness, Service};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    sync::watch,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::{
    command::{Ended, run},
    nest::{get, harness, main, user},
    new::{cargo, new},
    project::reserved,
    running::{Running, folder, path},
};

/// Number of calls in flight at a time.
const IN_FLIGHT: usize = 8;

/// The mistake: negative numbers are added as positive ones.
const WRONG: &str = "Payload(data.into_iter().map(i64::abs).sum())";
const RIGHT: &str = "Payload(data.into_iter().sum())";

#[tokio::test(flavor = "multi_thread")]
async fn a_nest_service_is_moved_to_rust_one_handler_at_a_time_and_nothing_is_lost() {
    let folder = folder("moving");
    let harness = harness().await;
    let user = user(&harness).await;
    let old = user.address().to_string();

    let recording = path(&folder, "calls.jsonl");
    let recorder = Running::start(&[
        "record",
        "-q",
        "--listen",
        "127.0.0.1:0",
        "--to",
        &old,
        "-o",
        &recording,
    ])
    .await;
    let mut sent = ask_through(&harness, &recorder.address, 20).await;
    assert_eq!(recorder.interrupt().await.status, Some(0));

    // The project forwards everything at first.
    let made = new(&folder, &["moved_users", "--from", "calls.jsonl"]).await;
    assert_eq!(made.status, Some(0), "{}", made.stderr);
    let project = Project(folder.join("moved_users"));
    project.passes_its_replay(&old).await;
    let forwarding = project.start(&old, "forwarding", 0).await;
    assert_eq!(replayed(&recording, &forwarding.address).await.status, Some(0));
    let ended = shadowed(&harness, &old, &forwarding.address, 1000).await;
    assert_eq!(ended.status, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert_eq!(last_line(&ended), "1000 calls compared, no difference");
    sent += 1000;

    // A mistake in the first handler of its own is found, live and by the recording.
    project.takes_sum(WRONG);
    let wrong = project.start(&old, "wrong", 0).await;
    let ended = shadowed(&harness, &old, &wrong.address, 100).await;
    assert_eq!(ended.status, Some(1), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("      /response "), "{}", ended.stdout);
    assert_eq!(last_line(&ended), "100 calls compared, 1 field differs");
    sent += 100;
    let ended = replayed(&recording, &wrong.address).await;
    assert_eq!(ended.status, Some(1), "{}", ended.stdout);
    assert!(ended.stdout.contains("      /response "), "{}", ended.stdout);
    wrong.stop().await;

    // It is mended, and holds.
    project.replaces(WRONG, RIGHT);
    let port = reserved();
    let new_port = port.local_addr().expect("bound").port();
    project.passes_its_replay(&old).await;
    let mended = project.start(&old, "mended", 0).await;
    assert_eq!(replayed(&recording, &mended.address).await.status, Some(0));
    let ended = shadowed(&harness, &old, &mended.address, 100).await;
    assert_eq!(ended.status, Some(0), "{}{}", ended.stdout, ended.stderr);
    sent += 100;
    mended.stop().await;

    // The switch, under load: the new one joins, and the forwarding one ends.
    let new_address = format!("127.0.0.1:{new_port}");
    let to = ["--to", &forwarding.address, "--to", &new_address];
    let bridge = Running::start(&[&["bridge", "--listen", "127.0.0.1:0"][..], &to].concat()).await;
    let main_service = main(&harness, &bridge.address).await;
    let load = Load::start(&main_service);
    load.has_grown_by(100).await;
    let mut switched = project.start(&old, "mended", new_port).await;
    drop(port);
    switched.has_summed().await;
    forwarding.stop().await;
    load.has_grown_by(200).await;
    sent += load.stop().await;
    drop(main_service);
    let ended = bridge.interrupt().await;
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    assert!(!ended.stderr.contains("could not be passed on"), "{}", ended.stderr);

    // Each call came with an event, which the old service still handles.
    while (user.output().len() as u64) < sent {
        tokio::task::yield_now().await;
    }
    switched.stop().await;
    assert_eq!(user.output(), vec!["求和"; usize::try_from(sent).expect("a number")]);
}

/// Asks `number` sums of Nest's main over HTTP, whose user is at this address. Returns how many.
async fn ask_through(harness: &Harness, address: &str, number: u64) -> u64 {
    let main_service = main(harness, address).await;
    let address = main_service.address();
    let calls = stream::iter(0..number).map(|call| ask(address, call));
    calls.buffer_unordered(IN_FLIGHT).collect::<Vec<()>>().await;
    number
}

/// Asks one sum, of which some numbers are negative, and asserts the answer.
async fn ask(address: SocketAddr, call: u64) {
    let number = i64::try_from(call).expect("a number");
    let numbers = [number, -3, 7 * (number % 5)];
    let path = format!("/sum?num={},{},{}", numbers[0], numbers[1], numbers[2]);
    let (status, body) = get(address, &path).await;
    let sum: i64 = numbers.iter().sum();
    assert_eq!((status.as_str(), body), ("HTTP/1.1 200 OK", sum.to_string()), "{path}");
}

/// Shadows this number of calls of a real caller, and returns how it ended.
async fn shadowed(harness: &Harness, primary: &str, candidate: &str, number: u64) -> Ended {
    let between = ["--primary", primary, "--candidate", candidate];
    let shadow = Running::start(&[&["shadow", "--listen", "127.0.0.1:0"][..], &between].concat()).await;
    ask_through(harness, &shadow.address, number).await;
    shadow.interrupt().await
}

async fn replayed(recording: &str, address: &str) -> Ended {
    run(&["replay", recording, "--to", address, "--skip-events"]).await
}

fn last_line(ended: &Ended) -> &str {
    ended.stdout.lines().last().unwrap_or_default()
}

/// The project that was made of the recording.
struct Project(PathBuf);

impl Project {
    async fn passes_its_replay(&self, old: &str) {
        let (passed, printed) = cargo(&self.0, &["test", "--quiet"]).await;
        assert!(passed, "{old}: {printed}");
    }

    /// Registers the handler of `sum`, with this body.
    fn takes_sum(&self, body: &str) {
        let route = "        .message(contracts::SUM.pattern(), old_service.clone())\n";
        self.replaces(route, "");
        self.replaces(
            "// .handle_message(contracts::SUM, sum)",
            ".handle_message(contracts::SUM, sum)",
        );
        self.replaces("todo!(\"sum: {data:?}\")", &format!("{SAYS}\n    {body}"));
    }

    fn replaces(&self, old: &str, new: &str) {
        let file = self.0.join("src/handlers.rs");
        let text = fs::read_to_string(&file).expect("the handlers");
        assert!(text.contains(old), "{old}: {text}");
        fs::write(&file, text.replace(old, new)).expect("written");
    }

    /// Builds the service and starts it, under a name of its own: the next build replaces the file.
    async fn start(&self, old: &str, name: &str, port: u16) -> Started {
        let (built, printed) = cargo(&self.0, &["build", "--quiet"]).await;
        assert!(built, "{printed}");
        let binary = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../debug/moved_users");
        let copy = self.0.join(name);
        if !copy.exists() {
            fs::copy(binary, &copy).expect("a copy");
        }
        Started::start(&copy, old, port).await
    }
}

/// What the handler of `sum` prints.
const SAYS: &str = "println!(\"summed here\");";

/// A Rust service as a process.
struct Started {
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
    address: String,
}

impl Started {
    async fn start(binary: &Path, old: &str, port: u16) -> Self {
        let mut child = Command::new(binary)
            .env("HOST", "127.0.0.1")
            .env("PORT", port.to_string())
            .env("OLD_SERVICE", old)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the service runs");
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let address = loop {
            let line = stdout.next_line().await.expect("text").expect("it listens");
            if let Some((_, address)) = line.split_once("listening on ") {
                break address.to_owned();
            }
        };
        Self { child, stdout, address }
    }

    /// Waits until its own handler of `sum` has been called.
    async fn has_summed(&mut self) {
        while let Some(line) = self.stdout.next_line().await.expect("text") {
            if line == "summed here" {
                return;
            }
        }
        panic!("it ended before");
    }

    /// Ends it as an orchestrator does, and asserts that it drained.
    async fn stop(mut self) {
        let id = self.child.id().expect("it runs").to_string();
        let killed = Command::new("kill").args(["-TERM", &id]).status().await;
        assert!(killed.expect("a kill command").success());
        let mut last = String::new();
        while let Some(line) = self.stdout.next_line().await.expect("text") {
            last = line;
        }
        assert!(self.child.wait().await.expect("it ends").success());
        assert!(last.ends_with(" stopped"), "{last}");
    }
}

/// Calls of Nest's main, one after another, until they are stopped.
struct Load {
    asked: watch::Sender<u64>,
    is_over: CancellationToken,
    callers: Vec<JoinHandle<()>>,
}

impl Load {
    fn start(main_service: &Service) -> Self {
        let (asked, is_over) = (watch::Sender::new(0), CancellationToken::new());
        let address = main_service.address();
        let caller = |_| {
            let (asked, is_over) = (asked.clone(), is_over.clone());
            tokio::spawn(async move {
                while !is_over.is_cancelled() {
                    let mut call = 0;
                    asked.send_modify(|asked| {
                        call = *asked;
                        *asked += 1;
                    });
                    ask(address, call).await;
                }
            })
        };
        let callers = (0..IN_FLIGHT).map(caller).collect();
        Self {
            asked,
            is_over,
            callers,
        }
    }

    /// Waits for this number of further calls.
    async fn has_grown_by(&self, calls: u64) {
        let mut asked = self.asked.subscribe();
        let enough = *asked.borrow() + calls;
        asked
            .wait_for(|asked| *asked >= enough)
            .await
            .expect("its sender is here");
    }

    /// Ends it. Returns how many calls there were, all of which were answered well.
    async fn stop(self) -> u64 {
        self.is_over.cancel();
        let ended = join_all(self.callers).await;
        ended
            .into_iter()
            .for_each(|ended| ended.expect("each call is answered well"));
        *self.asked.borrow()
    }
}
