//! `nest-wire demo` with real Node, but for one test. No process is left, however it ends.
#![cfg(unix)]

use std::{
    env,
    fs::{self, Permissions},
    io::Read,
    net::{SocketAddr, TcpStream},
    os::unix::{
        fs::{PermissionsExt, symlink},
        process::ExitStatusExt,
    },
    path::{Path, PathBuf},
};

use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use crate::command::{Ended, end_of, nest_wire};

/// Marks the demo and all that it starts, by inheritance.
const MARK: &str = "NEST_WIRE_DEMO_OF_TEST";

/// A demo that is marked with the name of a test.
fn demo(test: &str) -> Command {
    let mut command = nest_wire(["demo"]);
    // One for all of these tests: Nest's packages are installed once.
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache");
    command.env(MARK, mark(test)).env("XDG_CACHE_HOME", cache);
    command
}

fn mark(test: &str) -> String {
    format!("{test}-{}", std::process::id())
}

/// What the demo of a test has left running.
fn left_running(test: &str) -> Vec<PathBuf> {
    let mark = format!("{MARK}={}", mark(test));
    // Where there is no `/proc`, the ports have to tell.
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let is_marked = |process: &PathBuf| {
        let environment = fs::read(process.join("environ")).unwrap_or_default();
        environment
            .split(|byte| *byte == 0)
            .any(|variable| variable == mark.as_bytes())
    };
    processes.map(|process| process.path()).filter(is_marked).collect()
}

/// The packets shown under a title, as `way` and bytes.
fn packets(output: &str, title: &str) -> Vec<(String, String)> {
    let (_, part) = output.split_once(&format!("\n{title}\n")).expect("the title");
    let part = part.split("\n  main answers").next().unwrap_or_default();
    let is_packet = |line: &&str| line.starts_with("  main -> user  ") || line.starts_with("  user -> main  ");
    let split = |line: &str| (line[2..14].to_owned(), line[16..].to_owned());
    part.lines().filter(is_packet).map(split).collect()
}

/// That the three packets of the tutorial were shown under a title.
fn assert_packets(output: &str, title: &str) {
    let packets = packets(output, title);
    let id = packets
        .get(1)
        .and_then(|(_, bytes)| bytes.get(41..62))
        .unwrap_or_default();
    assert_eq!(id.len(), 21, "{packets:?}");
    let expected = [
        ("main -> user", r#"29#{"pattern":"log","data":"求和"}"#.to_owned()),
        (
            "main -> user",
            format!(r#"61#{{"pattern":"sum","data":[1,2,3],"id":"{id}"}}"#),
        ),
        (
            "user -> main",
            format!(r#"61#{{"response":6,"isDisposed":true,"id":"{id}"}}"#),
        ),
    ];
    assert_eq!(packets, expected.map(|(way, bytes)| (way.to_owned(), bytes)));
}

fn assert_is_plain_and_narrow(output: &str) {
    for line in output.lines() {
        assert!(!line.contains('\x1b'), "{line:?}");
        let columns: usize = line.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum();
        assert!(columns <= 80, "{columns} columns: {line}");
    }
}

#[tokio::test]
async fn real_nest_and_rust_exchange_the_tutorials_packets_in_an_empty_folder_without_cargo() {
    let folder = new_folder("empty");
    let path = path_without("without-cargo", &["cargo", "rustc", "rustup"]);
    let mut command = demo("packets");
    command.current_dir(&folder).env("PATH", &path);
    let child = command.spawn().expect("the binary runs");
    let Ended { status, stdout, stderr } = end_of(child).await;
    assert_eq!(status, Some(0), "{stdout}{stderr}");
    assert_packets(&stdout, "1. Node main, Rust user");
    assert_packets(&stdout, "2. Rust main, Node user");
    assert_eq!(
        stdout
            .matches("\n  main answers  200 OK: 6\n  user prints   求和\n")
            .count(),
        2,
        "{stdout}"
    );
    let last = "  the packets   are the same, byte for byte but for the random id\n";
    assert!(stdout.ends_with(last), "{stdout}");
    assert_is_plain_and_narrow(&stdout);
    assert_eq!(left_running("packets"), [] as [&Path; 0]);
    fs::remove_dir(folder).expect("it is still empty");
    fs::remove_dir_all(path).expect("the folder was ours");
}

#[tokio::test]
async fn a_cache_that_cannot_be_written_to_is_named() {
    let file = new_folder("no-cache").join("file");
    fs::write(&file, "").expect("a file");
    let child = demo("no-cache")
        .env("XDG_CACHE_HOME", &file)
        .spawn()
        .expect("the binary runs");
    let Ended { status, stderr, .. } = end_of(child).await;
    assert_eq!(status, Some(1), "{stderr}");
    let named = format!("error: {}/nest-wire/demo-", file.display());
    assert!(
        stderr.contains(&named) && stderr.contains("Not a directory"),
        "{stderr}"
    );
}

#[tokio::test]
async fn without_node_rust_talks_to_rust() {
    let path = path_without("without-node", &["node", "nodejs", "npm", "npx"]);
    let child = demo("no-node").env("PATH", &path).spawn().expect("the binary runs");
    let Ended { status, stdout, stderr } = end_of(child).await;
    assert_eq!(status, Some(0), "{stdout}{stderr}");
    assert!(
        stdout.contains("\n  node          not found\n  npm           not found\n"),
        "{stdout}"
    );
    assert_packets(&stdout, "1. Rust main, Rust user");
    assert!(stdout.contains("With Node.js 20 or later and npm,"), "{stdout}");
    assert_is_plain_and_narrow(&stdout);
    assert_eq!(left_running("no-node"), [] as [&Path; 0]);
    fs::remove_dir_all(path).expect("the folder was ours");
}

#[tokio::test]
async fn a_service_that_does_not_start_is_a_failure_and_its_words_are_shown() {
    let folder = new_folder("broken-node");
    let script = format!(
        "#!/bin/sh\ncase \"$1\" in *user.mjs) echo 'Error: out of order' >&2; exit 3;; *) exec '{}' \"$@\";; esac\n",
        find_program("node").display()
    );
    fs::write(folder.join("node"), script).expect("a script");
    fs::set_permissions(folder.join("node"), Permissions::from_mode(0o755)).expect("a program");
    let path = env::var_os("PATH").expect("a path");
    let path = env::join_paths([folder.clone()].into_iter().chain(env::split_paths(&path))).expect("a path");
    let child = demo("broken-node").env("PATH", path).spawn().expect("the binary runs");
    let Ended { status, stdout, stderr } = end_of(child).await;
    assert_eq!(status, Some(1), "{stdout}{stderr}");
    assert!(
        stderr.ends_with("error: Node user ended before it listened:\n! Error: out of order\n"),
        "{stderr}"
    );
    assert_eq!(left_running("broken-node"), [] as [&Path; 0]);
    fs::remove_dir_all(folder).expect("the folder was ours");
}

fn find_program(name: &str) -> PathBuf {
    let path = env::var_os("PATH").expect("a path");
    let mut programs = env::split_paths(&path).map(|folder| folder.join(name));
    programs
        .find(|program| program.is_file())
        .expect("these tests need node and npm")
}

fn new_folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// A folder that has all programs of `PATH` but these.
fn path_without(name: &str, programs: &[&str]) -> PathBuf {
    let folder = new_folder(name);
    let path = env::var_os("PATH").expect("a path");
    for program in env::split_paths(&path)
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flatten()
        .flatten()
    {
        if !program
            .file_name()
            .to_str()
            .is_some_and(|name| programs.contains(&name))
        {
            // Of two programs of one name the first on the path counts; the second finds its place taken.
            let _ = symlink(program.path(), folder.join(program.file_name()));
        }
    }
    folder
}

/// Reads on until the user service listens, and gives its address: the main service is then being started.
async fn user_address(lines: &mut Lines<BufReader<ChildStdout>>) -> SocketAddr {
    while let Some(line) = lines.next_line().await.expect("a pipe") {
        if let Some(address) = line.strip_prefix("  user          listens on ") {
            return address.parse().expect("an address");
        }
    }
    panic!("the user service never listened");
}

async fn send_signal(signal: &str, child: &Child) {
    let id = child.id().expect("it still runs").to_string();
    let status = Command::new("kill").args([signal, &id]).status().await;
    assert!(status.expect("a kill command").success());
}

async fn is_clean_after(signal: &str, status: i32) {
    let test = format!("signal{signal}");
    let mut child = demo(&test).spawn().expect("the binary runs");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let user = user_address(&mut lines).await;
    assert!(!left_running(&test).is_empty() || !Path::new("/proc").exists());
    send_signal(signal, &child).await;
    let ended = end_of(child).await;
    assert_eq!(ended.status, Some(status), "{}", ended.stderr);
    assert!(
        ended.stderr.ends_with("stopped: no process is left running\n"),
        "{}",
        ended.stderr
    );
    assert!(TcpStream::connect(user).is_err(), "somebody still listens on {user}");
    assert_eq!(left_running(&test), [] as [&Path; 0]);
}

#[tokio::test]
async fn ctrl_c_ends_all_of_it() {
    is_clean_after("-INT", 130).await;
}

#[tokio::test]
async fn a_kill_ends_all_of_it() {
    is_clean_after("-TERM", 143).await;
}

#[tokio::test]
async fn services_end_even_if_the_demo_has_no_time_to_end_them() {
    let mut child = demo("killed").spawn().expect("the binary runs");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let user = user_address(&mut lines).await;
    let mut link = TcpStream::connect(user).expect("the user service listens");
    send_signal("-KILL", &child).await;
    let status = child.wait().await.expect("the binary ends");
    assert_eq!(status.signal(), Some(9));
    // The service closes its links when it ends: waits for that, for ever if it does not come.
    assert_eq!(link.read(&mut [0]).unwrap_or(0), 0);
}
