//! One table of all commands: readers that go away (`| head`), Ctrl-C and `kill`, a mistake. A command
//! without a row fails the test. Further mistakes of each one stand beside its other tests.
#![cfg(target_os = "linux")]

use std::{collections::BTreeSet, io::pipe, os::unix::process::ExitStatusExt, process::Stdio};

use nest_wire::{client::Client, server::Router};
use tokio::{process::Command, sync::mpsc};

use crate::{
    command::{Ended, commands, end_of, nest_wire, nowhere, run, service},
    running::{Running, folder, path},
    traffic::Traffic,
};

/// What a command is asked here. `FILE` is a recording of a call, `NEW` a file that does not exist,
/// `ADDRESS` a service that answers it.
struct Row {
    command: &'static str,
    /// It prints, and ends by itself.
    prints: &'static [&'static str],
    /// It waits for an answer that does not come, and how a signal ends it then.
    waits: Option<(&'static str, End)>,
    /// It listens until a signal ends it with this status, if nobody has called.
    listens: Option<(&'static str, i32)>,
}

#[derive(Clone, Copy)]
enum End {
    /// By the signal itself, in silence.
    BySignal,
    /// With 128 and the number of the signal, after standard output has begun so.
    Saying(&'static str),
}

const COMMANDS: &[Row] = &[
    Row {
        prints: &["ADDRESS one", "--json ADDRESS one", "--lines ADDRESS one LINES"],
        waits: Some(("ADDRESS never", End::BySignal)),
        ..row("send")
    },
    Row {
        prints: &["--json ADDRESS log"],
        ..row("emit")
    },
    Row {
        prints: &["ADDRESS one"],
        waits: Some(("--timeout 30s ADDRESS never", End::BySignal)),
        ..row("check")
    },
    Row {
        prints: &["sum", "--explain sum", "--json sum", "--nats sum"],
        ..row("route")
    },
    Row {
        listens: Some(("--listen 127.0.0.1:0 --to ADDRESS", 0)),
        ..row("tap")
    },
    Row {
        listens: Some(("--listen 127.0.0.1:0 --to ADDRESS -o NEW", 0)),
        ..row("record")
    },
    Row {
        prints: &["FILE", "--json FILE", "--pairs FILE", "--summary FILE", "--full FILE"],
        ..row("inspect")
    },
    Row {
        prints: &["FILE --to ADDRESS", "FILE --to ADDRESS --json"],
        waits: Some(("NEVER --to ADDRESS", End::Saying("0 calls, 0 as recorded, 0 differ"))),
        // Nobody called.
        listens: Some(("FILE --listen 127.0.0.1:0", 1)),
        ..row("replay")
    },
    Row {
        listens: Some(("--listen 127.0.0.1:0 --echo", 0)),
        ..row("serve")
    },
    Row {
        prints: &["FILE -o -", "FILE -o NEW"],
        ..row("report")
    },
    Row {
        listens: Some(("--listen 127.0.0.1:0 --to ADDRESS", 0)),
        ..row("bridge")
    },
    Row {
        prints: &["-n 5 ADDRESS one", "-n 5 --json ADDRESS one"],
        // In its first call, which is not measured. The tests of bench interrupt later ones.
        waits: Some(("-n 5 ADDRESS never", End::BySignal)),
        ..row("bench")
    },
    Row {
        prints: &["NAME --from FILE"],
        ..row("new")
    },
    Row {
        // Nothing was compared.
        listens: Some(("--listen 127.0.0.1:0 --primary ADDRESS --candidate ADDRESS", 1)),
        ..row("shadow")
    },
    // Its own tests take it as it is: it needs Node.
    row("demo"),
    Row {
        prints: &["bash", "zsh"],
        ..row("completions")
    },
    Row {
        prints: &[""],
        ..row("man")
    },
];

const fn row(command: &'static str) -> Row {
    Row {
        command,
        prints: &[],
        waits: None,
        listens: None,
    }
}

/// What the words of the table stand for, in a folder of a test.
struct Words {
    folder: std::path::PathBuf,
    address: String,
    /// A value for each call that is never answered.
    asked: mpsc::UnboundedReceiver<()>,
    /// Number of names so far.
    names: usize,
}

impl Words {
    async fn new(test: &str) -> Self {
        let folder = folder(test);
        for (file, pattern) in [("one.jsonl", "one"), ("never.jsonl", "never")] {
            let mut traffic = Traffic::default();
            traffic.call(1, pattern);
            traffic.write(path(&folder, file));
        }
        let (tell, asked) = mpsc::unbounded_channel();
        let never = async move || {
            let _ = tell.send(());
            std::future::pending::<u32>().await
        };
        let router = Router::new().message("one", async || 1).message("never", never);
        Self {
            folder,
            address: service(router).await,
            asked,
            names: 0,
        }
    }

    /// Returns the words of a command, each name a new one.
    fn of(&mut self, command: &str, words: &str) -> Vec<String> {
        self.names += 1;
        let words = words.split_whitespace().map(|word| match word {
            "FILE" => path(&self.folder, "one.jsonl"),
            "NEVER" => path(&self.folder, "never.jsonl"),
            "NEW" => path(&self.folder, &format!("new-{}", self.names)),
            "NAME" => format!("project_{}", self.names),
            "ADDRESS" => self.address.clone(),
            "LINES" => "1\n2".to_owned(),
            word => word.to_owned(),
        });
        std::iter::once(command.to_owned()).chain(words).collect()
    }

    /// Returns the command, for which signals mean what they do by default: a test that was started
    /// in the background of a script would pass on that Ctrl-C is ignored.
    fn heeding_signals(&self, words: &[String]) -> Command {
        let mut command = Command::new("env");
        command
            .arg("--default-signal=INT,TERM")
            .arg(env!("CARGO_BIN_EXE_nest-wire"))
            .args(words)
            .current_dir(&self.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }
}

/// The signals that end a command, by the words of `kill`.
const SIGNALS: [(&str, i32); 2] = [("-INT", 2), ("-TERM", 15)];

async fn kill(signal: &str, process: &str) {
    let killed = Command::new("kill").args([signal, process]).status().await;
    assert!(killed.expect("a kill command").success());
}

#[tokio::test]
async fn no_command_is_missing_here() {
    let mut here: BTreeSet<String> = COMMANDS.iter().map(|row| row.command.to_owned()).collect();
    here.insert("help".to_owned());
    assert_eq!(commands().await, here);
}

#[tokio::test]
async fn an_option_that_is_not_there_is_named() {
    for Row { command, .. } in COMMANDS {
        let ended = run(&[command, "--no-such-option"]).await;
        assert_eq!((ended.status, &*ended.stdout), (Some(2), ""), "{command}");
        let message = "error: unexpected argument '--no-such-option' found\n";
        assert!(ended.stderr.starts_with(message), "{command}: {}", ended.stderr);
    }
}

/// Commands that need a service, and those that wait for one.
const NEEDING: [&str; 5] = [
    "send ADDRESS one",
    "emit ADDRESS one",
    "check ADDRESS one",
    "bench ADDRESS one",
    "replay FILE --to ADDRESS",
];
const WAITING: [&str; 4] = [
    "tap --listen 127.0.0.1:0 --to ADDRESS",
    "record --listen 127.0.0.1:0 --to ADDRESS -o NEW",
    "bridge --listen 127.0.0.1:0 --to ADDRESS",
    "shadow --listen 127.0.0.1:0 --primary ADDRESS --candidate ADDRESS",
];

#[tokio::test]
async fn a_service_that_is_not_there_is_said_in_the_same_words_by_all() {
    let mut words = Words::new("every-absence").await;
    let socket = format!("unix:{}", path(&words.folder, "no.sock"));
    for (address, why) in [
        (nowhere(), "refused"),
        ("nohost.invalid:80".to_owned(), "no such host"),
        (socket, "no such socket"),
    ] {
        let what = format!("cannot connect to {address}: {why}");
        words.address = address;
        for command in NEEDING {
            let (command, arguments) = command.split_once(' ').expect("arguments");
            let words_of = words.of(command, arguments);
            let ended = run(&words_of.iter().map(String::as_str).collect::<Vec<_>>()).await;
            assert_eq!(ended.status, Some(3), "{words_of:?}: {}", ended.stderr);
            assert!(
                ended.stderr.contains(&format!("error: {what}")),
                "{words_of:?}: {}",
                ended.stderr
            );
        }
        for command in WAITING {
            let (command, arguments) = command.split_once(' ').expect("arguments");
            let words_of = words.of(command, arguments);
            let mut running = Running::of(words.heeding_signals(&words_of)).await;
            // It has been said already where services are tried before callers are let in.
            if command != "bridge" {
                running.line_with("warning: ").await;
            }
            let ended = running.interrupt().await;
            assert!(
                ended.stderr.contains(&format!("warning: {what}; ")),
                "{words_of:?}: {}",
                ended.stderr
            );
        }
    }
}

#[tokio::test]
async fn a_reader_that_goes_away_has_seen_enough() {
    let mut words = Words::new("every-head").await;
    for row in COMMANDS {
        for arguments in row.prints {
            let words_of = words.of(row.command, arguments);
            let (reader, writer) = pipe().expect("a pipe");
            drop(reader);
            let mut command = nest_wire(&words_of);
            command.current_dir(&words.folder).stdout(Stdio::from(writer));
            let ended = end_of(command.spawn().expect("the binary runs")).await;
            let warns = row.command == "bench";
            assert_eq!(ended.status, Some(0), "{words_of:?}: {}", ended.stderr);
            assert!(warns || ended == Ended::well(""), "{words_of:?}: {}", ended.stderr);
        }
    }
}

#[tokio::test]
async fn a_command_that_listens_goes_on_or_ends_well_when_its_reader_goes_away() {
    let mut words = Words::new("every-listener").await;
    for row in COMMANDS {
        let Some((arguments, _)) = row.listens else { continue };
        let words_of = words.of(row.command, arguments);
        let mut running = Running::of(words.heeding_signals(&words_of)).await;
        drop(running.take_stdout());
        let client = Client::new(running.address.clone());
        // One that has nothing else to do may have ended before the answer has passed.
        let _ = client
            .send::<serde_json::Value>("one", &serde_json::json!({"number": 1}))
            .await;
        client.close().await;
        let id = running.id();
        // It may be gone already.
        let _ = Command::new("kill")
            .args(["-INT", &id])
            .stderr(Stdio::null())
            .status()
            .await;
        let ended = running.ended().await;
        assert_eq!(ended.status, Some(0), "{words_of:?}: {}", ended.stderr);
    }
}

#[tokio::test]
async fn ctrl_c_and_kill_end_what_waits_as_shells_expect() {
    let mut words = Words::new("every-wait").await;
    for (signal, number) in SIGNALS {
        for row in COMMANDS {
            let Some((arguments, end)) = row.waits else { continue };
            let words_of = words.of(row.command, arguments);
            let child = words.heeding_signals(&words_of).spawn().expect("the binary runs");
            words.asked.recv().await.expect("it asks");
            kill(signal, &child.id().expect("it runs").to_string()).await;
            let output = child.wait_with_output().await.expect("it ends");
            let [stdout, stderr] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).expect("text"));
            match end {
                End::BySignal => {
                    // So that a script which was interrupted too ends as well.
                    assert_eq!(output.status.signal(), Some(number), "{words_of:?}: {stderr}");
                    assert_eq!((&*stdout, &*stderr), ("", ""), "{words_of:?}");
                }
                End::Saying(start) => {
                    assert_eq!(output.status.code(), Some(128 + number), "{words_of:?}: {stderr}");
                    assert!(stdout.starts_with(start), "{words_of:?}: {stdout}");
                    assert!(stderr.contains("stopped: "), "{words_of:?}: {stderr}");
                }
            }
        }
    }
}

#[tokio::test]
async fn ctrl_c_and_kill_end_what_listens_with_its_verdict() {
    let mut words = Words::new("every-stop").await;
    for (signal, _) in SIGNALS {
        for row in COMMANDS {
            let Some((arguments, status)) = row.listens else {
                continue;
            };
            let words_of = words.of(row.command, arguments);
            let running = Running::of(words.heeding_signals(&words_of)).await;
            kill(signal, &running.id()).await;
            let ended = running.ended().await;
            assert_eq!(ended.status, Some(status), "{words_of:?}: {}", ended.stderr);
        }
    }
}
