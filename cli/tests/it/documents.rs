//! `docs/CLI.md` keeps its word: each console block is run, and prints what stands there.
#![cfg(unix)]

use std::{env, ffi::OsString, path::Path, process::Stdio};

use tokio::process::Command;

use crate::command::service;

#[path = "../../../examples/support/conformance.rs"]
mod conformance;

/// Stands between the outputs of two commands: no command prints it.
const MARK: char = '\u{1}';

/// A command of a block, and the lines that it prints.
struct Shown<'d> {
    command: &'d str,
    lines: Vec<&'d str>,
}

#[tokio::test]
async fn each_console_block_of_the_reference_prints_what_stands_there() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/CLI.md");
    let document = std::fs::read_to_string(path).expect("the document");
    let address = service(conformance::router().expect("patterns")).await;
    let port = address.rsplit_once(':').expect("a port").1;
    let blocks: Vec<&str> = document.split("```console\n").skip(1).collect();
    assert!(blocks.len() >= 8, "{} blocks", blocks.len());
    for block in blocks {
        let block = block.split("```").next().expect("its end");
        let shown = commands(block);
        let printed = run(&shown, port).await;
        assert_eq!(printed.len(), shown.len(), "{block}\n{printed:?}");
        for (shown, printed) in shown.iter().zip(printed) {
            let lines: Vec<&str> = printed.lines().collect();
            let is_same = lines.len() == shown.lines.len()
                && lines.iter().zip(&shown.lines).all(|(line, shown)| matches(line, shown));
            assert!(
                is_same,
                "{} prints\n{printed}\nand is said to print\n{:#?}",
                shown.command, shown.lines
            );
        }
    }
}

fn commands(block: &str) -> Vec<Shown<'_>> {
    let mut shown: Vec<Shown<'_>> = Vec::new();
    for line in block.lines() {
        match (line.strip_prefix("$ "), shown.last_mut()) {
            (Some(command), _) => shown.push(Shown {
                command,
                lines: Vec::new(),
            }),
            (None, Some(last)) => last.lines.push(line),
            (None, None) => panic!("a block begins with a command: {block}"),
        }
    }
    shown
}

/// Runs the commands in one shell, as a reader would. Returns what each printed, errors too, with
/// the documented port.
async fn run(shown: &[Shown<'_>], port: &str) -> Vec<String> {
    let mut script = String::from("exec 2>&1\n");
    for Shown { command, .. } in shown {
        let command = command.replace(":8888", &format!(":{port}"));
        // The status of the command stays that of the line, for `echo $?`.
        script.push_str(&format!("{command}\nstatus=$?; printf '{MARK}'; (exit $status)\n"));
    }
    let output = Command::new("sh")
        .args(["-c", &script])
        .env("PATH", path_with_binary())
        .stdin(Stdio::null())
        .output()
        .await
        .expect("a shell");
    let text = String::from_utf8(output.stdout).expect("text");
    let text = text.replace(&format!(":{port}"), ":8888");
    let mut printed: Vec<String> = text.split(MARK).map(ToOwned::to_owned).collect();
    assert_eq!(printed.pop().as_deref(), Some(""), "{script}");
    printed
}

fn path_with_binary() -> OsString {
    let binary = Path::new(env!("CARGO_BIN_EXE_nest-wire")).parent().expect("a folder");
    let path = env::var_os("PATH").unwrap_or_default();
    env::join_paths([binary.to_owned()].into_iter().chain(env::split_paths(&path))).expect("a path")
}

/// Returns true if a line is as shown, where `[..]` stands for anything and a run of spaces for one.
fn matches(line: &str, shown: &str) -> bool {
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut parts = shown.split("[..]");
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    let mut is_open = false;
    for part in parts {
        is_open = part.is_empty();
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    is_open || rest.is_empty()
}

#[test]
fn what_differs_from_run_to_run_matches() {
    assert!(matches("in  0.3 ms (a)", "in [..] ms[..]"));
    assert!(matches("6", "6"));
    assert!(matches("", ""));
    assert!(!matches("in 0.3 s", "in [..] ms[..]"));
    assert!(!matches("67", "6"));
    assert!(!matches("a1b2", "a[..]b"));
}
