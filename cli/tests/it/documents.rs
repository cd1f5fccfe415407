//! `docs/CLI.md` keeps its word: each console block is run, and prints what stands there.
#![cfg(unix)]

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use crate::{command::service, conformance, running::folder};

/// Stands between the outputs of two commands: no command prints it.
const MARK: char = '\u{1}';
/// Begins the line at which a command in the background is stopped.
const STOP: &str = "^C";

/// A command of a block, and the lines that it prints.
pub(crate) struct Shown<'d> {
    command: &'d str,
    lines: Vec<&'d str>,
}

#[tokio::test]
async fn each_console_block_of_the_reference_prints_what_stands_there() {
    let document = document("docs/CLI.md");
    let address = service(conformance::router().expect("patterns")).await;
    let port = address.rsplit_once(':').expect("a port").1;
    let folder = folder("documents");
    let blocks = blocks(&document, "console");
    assert!(blocks.len() >= 12, "{} blocks", blocks.len());
    for block in blocks {
        prints_what_stands_there(block, &folder, vec![(":8888".to_owned(), format!(":{port}"))]).await;
    }
}

/// Returns a document of this repository.
pub(crate) fn document(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the fenced blocks of a language.
pub(crate) fn blocks<'d>(document: &'d str, language: &str) -> Vec<&'d str> {
    let fence = format!("```{language}\n");
    let starts = document.split(&*fence).skip(1);
    starts
        .map(|block| block.split("```").next().expect("its end"))
        .collect()
}

/// Runs a block in a folder, with the documented `ports` replaced, and asserts what it prints.
///
/// The commands that end with `&` start first, each at a port of its own, as in another terminal.
/// Those with a line `^C` are stopped after the other commands, the last one first; the rest end by
/// themselves.
pub(crate) async fn prints_what_stands_there(block: &str, folder: &Path, mut ports: Vec<(String, String)>) {
    let shown = commands(block);
    let (background, foreground): (Vec<_>, Vec<_>) = shown.into_iter().partition(|shown| shown.command.ends_with(" &"));
    let mut running = Vec::new();
    for shown in background {
        running.push((Background::start(&shown, folder, &mut ports).await, shown));
    }
    let printed = run(&foreground, folder, &ports).await;
    assert_eq!(printed.len(), foreground.len(), "{block}\n{printed:?}");
    for (shown, printed) in foreground.iter().zip(printed) {
        assert_printed(shown, &as_documented(printed, &ports));
    }
    // What was started last may use what was started before.
    for (background, mut shown) in running.into_iter().rev() {
        let is_stopped = shown.lines.contains(&STOP);
        shown.lines.retain(|line| *line != STOP);
        assert_printed(&shown, &as_documented(background.end(is_stopped).await, &ports));
    }
}

fn assert_printed(shown: &Shown<'_>, printed: &str) {
    let lines: Vec<&str> = printed.lines().collect();
    let is_same =
        lines.len() == shown.lines.len() && lines.iter().zip(&shown.lines).all(|(line, shown)| matches(line, shown));
    assert!(
        is_same,
        "{} prints\n{printed}\nand is said to print\n{:#?}",
        shown.command, shown.lines
    );
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

fn with_ports(text: &str, ports: &[(String, String)]) -> String {
    ports.iter().fold(text.to_owned(), |text, (documented, real)| {
        text.replace(documented, real)
    })
}

fn as_documented(text: String, ports: &[(String, String)]) -> String {
    ports
        .iter()
        .fold(text, |text, (documented, real)| text.replace(real, documented))
}

/// Runs the commands in one shell, as a reader would. Returns what each printed, errors too.
async fn run(shown: &[Shown<'_>], folder: &Path, ports: &[(String, String)]) -> Vec<String> {
    let mut script = String::from("exec 2>&1\n");
    for Shown { command, .. } in shown {
        let command = with_ports(command, ports);
        // The status of the command stays that of the line, for `echo $?`.
        script.push_str(&format!("{command}\nstatus=$?; printf '{MARK}'; (exit $status)\n"));
    }
    let output = shell(&script, folder).output().await.expect("a shell");
    let text = String::from_utf8(output.stdout).expect("text");
    let mut printed: Vec<String> = text.split(MARK).map(ToOwned::to_owned).collect();
    assert_eq!(printed.pop().as_deref(), Some(""), "{script}");
    printed
}

fn shell(script: &str, folder: &Path) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", script])
        .current_dir(folder)
        .env("PATH", path_with_binary(&[]))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Returns the path on which the binary is found, after what is in these folders.
pub(crate) fn path_with_binary(folders: &[PathBuf]) -> OsString {
    let binary = Path::new(env!("CARGO_BIN_EXE_nest-wire")).parent().expect("a folder");
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = folders.iter().cloned().chain([binary.to_owned()]);
    env::join_paths(folders.chain(env::split_paths(&path))).expect("a path")
}

/// A command that listens beside the others.
struct Background {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    printed: String,
}

impl Background {
    /// Starts it at a free port, and waits until it listens.
    async fn start(shown: &Shown<'_>, folder: &Path, ports: &mut Vec<(String, String)>) -> Self {
        let command = with_ports(shown.command.trim_end_matches(" &"), ports);
        let (before, after) = command.split_once("--listen ").expect("a command that listens");
        let (documented, after) = after.split_once(' ').unwrap_or((after, ""));
        let script = format!("exec 2>&1; exec {before}--listen 127.0.0.1:0 {after}");
        let mut child = shell(&script, folder).spawn().expect("a shell");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let first = lines.next_line().await.expect("a pipe").unwrap_or_default();
        let real = first.strip_prefix("listening 127.0.0.1").expect(&first);
        ports.push((format!(":{documented}"), real.to_owned()));
        Self {
            child,
            lines,
            printed: format!("{first}\n"),
        }
    }

    /// Waits for its end, after Ctrl-C if it `is_stopped`. Returns what it printed, in this order.
    async fn end(mut self, is_stopped: bool) -> String {
        if is_stopped {
            let id = self.child.id().expect("it still runs").to_string();
            let status = Command::new("kill").args(["-INT", &id]).status().await;
            assert!(status.expect("a kill command").success());
        }
        while let Some(line) = self.lines.next_line().await.expect("a pipe") {
            self.printed += &format!("{line}\n");
        }
        self.child.wait().await.expect("it ends");
        self.printed
    }
}

/// Returns true if a line is as shown, where `[..]` stands for anything and a run of spaces for one.
fn matches(line: &str, shown: &str) -> bool {
    let spaced = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (line, shown) = (spaced(line), spaced(shown));
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
    assert!(matches(" 0.1  a", " [..]     a"));
    assert!(matches("6", "6"));
    assert!(matches("", ""));
    assert!(!matches("in 0.3 s", "in [..] ms[..]"));
    assert!(!matches("67", "6"));
    assert!(!matches("a1b2", "a[..]b"));
}
