//! Ctrl-C and `kill`: what shells report as 130 and 143.
#![cfg(target_os = "linux")]

use std::{os::unix::process::ExitStatusExt, process::Stdio};

use nest_wire::server::Router;
use tokio::{process::Command, sync::mpsc};

use crate::{
    command::{nest_wire, service},
    running::{Running, folder, path},
    traffic::Traffic,
};

/// Asserts that a command which waits for an answer ends at once, and prints nothing further.
async fn ends_by(signal: &str, number: i32) {
    let (tell, mut told) = mpsc::unbounded_channel();
    let never = async move || {
        let _ = tell.send(());
        std::future::pending::<u32>().await
    };
    let address = service(Router::new().message("never", never)).await;
    for args in [
        &["send", &address, "never"][..],
        &["check", "--timeout", "30s", &address, "never"],
    ] {
        let child = heeding_signals(args).spawn().expect("the binary runs");
        told.recv().await.expect("it asks");
        let id = child.id().expect("it runs").to_string();
        let killed = Command::new("kill").args([signal, &id]).status().await;
        assert!(killed.expect("a kill command").success());
        let output = child.wait_with_output().await.expect("it ends");
        // Ended by the signal itself, so that a script which was interrupted too ends as well.
        assert_eq!(output.status.signal(), Some(number), "{args:?}");
        assert_eq!((output.stdout, output.stderr), (Vec::new(), Vec::new()));
    }
}

/// The binary, for which signals mean what they do by default: a test that was started in the
/// background of a script would pass on that Ctrl-C is ignored.
fn heeding_signals(args: &[&str]) -> Command {
    let binary = nest_wire(args);
    let mut command = Command::new("env");
    command
        .arg("--default-signal=INT,TERM")
        .arg(binary.as_std().get_program())
        .args(binary.as_std().get_args())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Asserts what each command that runs long does with a signal, once it listens.
async fn ends_as_the_reference_says(signal: &str) {
    let file = path(&folder(&format!("signal{signal}")), "calls.jsonl");
    let mut traffic = Traffic::default();
    traffic.call(1, "one");
    traffic.write(&file);
    let new = file.replace("calls", "new");
    let service = service(Router::new()).await;
    for (args, status) in [
        (&["tap", "--listen", "127.0.0.1:0", "--to", &service][..], 0),
        (&["record", "--listen", "127.0.0.1:0", "--to", &service, "-o", &new], 0),
        // Nobody called.
        (&["replay", &file, "--listen", "127.0.0.1:0"], 1),
    ] {
        let running = Running::of(heeding_signals(args)).await;
        let id = running.id();
        let killed = Command::new("kill").args([signal, &id]).status().await;
        assert!(killed.expect("a kill command").success());
        let ended = running.ended().await;
        assert_eq!(ended.status, Some(status), "{args:?} {}", ended.stderr);
    }
}

#[tokio::test]
async fn ctrl_c_and_kill_end_what_listens_well() {
    ends_as_the_reference_says("-INT").await;
    ends_as_the_reference_says("-TERM").await;
}

#[tokio::test]
async fn ctrl_c_and_kill_end_a_replay_with_what_was_done() {
    for (signal, number) in [("-INT", 2), ("-TERM", 15)] {
        let (tell, mut told) = mpsc::unbounded_channel();
        let never = async move || {
            let _ = tell.send(());
            std::future::pending::<u32>().await
        };
        let address = service(Router::new().message("never", never)).await;
        let file = path(&folder(&format!("replay-signal{signal}")), "calls.jsonl");
        let mut traffic = Traffic::default();
        traffic.call(1, "never");
        traffic.write(&file);
        let args = ["replay", &file, "--to", &address];
        let child = heeding_signals(&args).spawn().expect("the binary runs");
        told.recv().await.expect("it asks");
        let id = child.id().expect("it runs").to_string();
        let killed = Command::new("kill").args([signal, &id]).status().await;
        assert!(killed.expect("a kill command").success());
        let output = child.wait_with_output().await.expect("it ends");
        let status = output
            .status
            .code()
            .or(output.status.signal().map(|signal| 128 + signal));
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(status, Some(128 + number), "{said}");
        assert!(said.starts_with("0 calls, 0 as recorded, 0 differ"), "{said}");
    }
}

#[tokio::test]
async fn ctrl_c_ends_a_call_that_waits() {
    ends_by("-INT", 2).await;
}

#[tokio::test]
async fn a_kill_ends_a_call_that_waits() {
    ends_by("-TERM", 15).await;
}
