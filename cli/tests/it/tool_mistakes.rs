//! The likeliest mistakes with `record`, `tap`, `inspect`, `replay` and `report`: what is said, and
//! the status.

use std::fs;

use crate::{
    command::run,
    running::{folder, path},
};

/// A command with `FOLDER` for the folder of the test, the status, and how standard error begins.
type Mistake = (&'static str, i32, &'static str);

async fn are_said(folder: &str, mistakes: &[Mistake]) {
    for (command, status, message) in mistakes {
        let command = command.replace("FOLDER", folder);
        let message = message.replace("FOLDER", folder);
        let arguments: Vec<&str> = command.split(' ').collect();
        let ended = run(&arguments).await;
        assert_eq!(
            ended.status,
            Some(*status),
            "{command}: {}{}",
            ended.stdout,
            ended.stderr
        );
        assert!(ended.stderr.starts_with(&message), "{command}: {}", ended.stderr);
    }
}

fn event(text: &str) -> String {
    format!("{{\"format\":\"1\"}}\n{text}\n")
}

/// Files that are of no use, each in its own way.
fn files(test: &str) -> String {
    let folder = folder(test);
    let end = r#"{"at":0.1,"connection":1,"from":"caller","end":true}"#;
    let log = r##"{"at":0.1,"connection":1,"from":"caller","text":"26#{\"pattern\":\"log\",\"data\":1}"}"##;
    for (file, content) in [
        ("empty.jsonl", Vec::new()),
        ("notes.jsonl", b"{\"format\":\"1\"}\n".to_vec()),
        ("good.jsonl", event(end).into_bytes()),
        ("event.jsonl", event(log).into_bytes()),
        ("newer.jsonl", b"{\"format\":\"3\"}\n".to_vec()),
        ("cut.jsonl", event(end).trim_end().as_bytes()[..40].to_vec()),
        ("wrong.jsonl", event("GET / HTTP/1.1").into_bytes()),
        ("utf16.jsonl", b"\xff\xfe{\0}\0".to_vec()),
        ("binary", vec![1, 2, 3, 4, 5]),
        ("calls.gz", vec![0x1f, 0x8b, 8, 0]),
        (
            "link.pcap",
            b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x93\0\0\0".to_vec(),
        ),
    ] {
        fs::write(folder.join(file), content).expect("a file");
    }
    path(&folder, "").trim_end_matches('/').to_owned()
}

#[tokio::test]
async fn with_record_and_tap() {
    are_said(
        &files("mistakes-record"),
        &[
            (
                "record --listen 0 --to localhost:1",
                2,
                "error: the following required arguments were not provided:\n  --output <FILE>",
            ),
            (
                "record --listen 127.0.0.1:0 --to localhost:1 -o FOLDER/good.jsonl",
                2,
                "error: FOLDER/good.jsonl exists\nhint: --force writes over it, --append adds to it\n",
            ),
            (
                "record --listen 127.0.0.1:0 --to localhost:1 -o FOLDER/no/such.jsonl",
                2,
                "error: FOLDER/no/such.jsonl: no such file",
            ),
            (
                "record --listen 127.0.0.1:0 --to localhost:1 -o FOLDER/wrong.jsonl --append",
                2,
                "error: FOLDER/wrong.jsonl: line 2: expected an object",
            ),
            (
                "tap --listen 127.0.0.1:7 --to 127.0.0.1:7",
                2,
                "error: --listen and --to are the same: it would call itself\n",
            ),
            (
                "tap --listen tls://127.0.0.1:0 --to localhost:1",
                2,
                "error: --listen tls:// needs the listener's certificate\nhint: add --cert FILE --key FILE\n",
            ),
            (
                "tap --listen 127.0.0.1:0 --to localhost:1 --mask password",
                2,
                "error: invalid value 'password' for '--mask <POINTER>': a pointer begins with /",
            ),
            (
                "tap --listen 127.0.0.1:0 --to localhost",
                2,
                "error: invalid value 'localhost' for '--to <ADDRESS>': the port is missing",
            ),
            (
                "tap --listen 70000 --to localhost:1",
                2,
                "error: invalid value '70000' for '--listen <ADDRESS>': \"70000\" is not a port",
            ),
            (
                "tap --listen unix:FOLDER/no/such --to localhost:1",
                3,
                "error: cannot listen on unix:FOLDER/no/such: ",
            ),
            (
                "tap --listen 127.0.0.1:0 --to localhost:1 --for 0",
                2,
                "error: invalid value '0' for '--for <DURATION>': write a number above 0",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn with_inspect_and_report() {
    const FILES: &[(&str, i32, &str)] = &[
        ("no-such.jsonl", 2, "error: FOLDER/no-such.jsonl: no such file\n"),
        ("", 2, "error: FOLDER/: it is a directory\n"),
        ("empty.jsonl", 2, "error: FOLDER/empty.jsonl holds no traffic\n"),
        ("notes.jsonl", 2, "error: FOLDER/notes.jsonl holds no traffic\n"),
        (
            "newer.jsonl",
            2,
            "error: FOLDER/newer.jsonl was recorded in format 3; this nest-wire reads up to 1\nhint: update nest-wire\n",
        ),
        (
            "cut.jsonl",
            2,
            "error: FOLDER/cut.jsonl ends inside line 2\nhint: --truncated reads what is there\n",
        ),
        (
            "wrong.jsonl",
            2,
            "error: FOLDER/wrong.jsonl, line 2: not a recording: expected an object, found \"GET / HTTP…\"\n",
        ),
        (
            "utf16.jsonl",
            2,
            "error: FOLDER/utf16.jsonl is UTF-16 text: a recording is UTF-8\n",
        ),
        (
            "binary",
            2,
            "error: FOLDER/binary is no recording and no capture\nhint: --raw caller reads bare bytes\n",
        ),
        (
            "calls.gz",
            2,
            "error: FOLDER/calls.gz is compressed\nhint: zcat FOLDER/calls.gz | nest-wire inspect -\n",
        ),
        ("link.pcap", 2, "error: FOLDER/link.pcap: link type 147 is not known\n"),
    ];
    let folder = files("mistakes-inspect");
    for (file, status, message) in FILES {
        for command in ["inspect", "report -o FOLDER/page.html"] {
            let command: &'static str = format!("{command} FOLDER/{file}").leak();
            are_said(&folder, &[(command, *status, message)]).await;
        }
    }
    are_said(
        &folder,
        &[
            (
                "inspect FOLDER/good.jsonl --port 8888",
                2,
                "error: FOLDER/good.jsonl is a recording: --port is for captures\nhint: --connection N chooses a connection\n",
            ),
            (
                "inspect FOLDER/event.jsonl -o FOLDER/event.jsonl --force",
                2,
                "error: FOLDER/event.jsonl is the traffic itself: --output would replace it\n",
            ),
            ("inspect FOLDER/event.jsonl --pattern sum", 0, "0 of 1 packet\n"),
            ("inspect FOLDER/event.jsonl --kind nothing", 2, "error: invalid value 'nothing' for '--kind <KIND>': one of request, "),
            ("inspect FOLDER/event.jsonl --raw me", 2, "error: invalid value 'me' for '--raw <caller|service>': caller or service"),
            ("inspect FOLDER/event.jsonl --pairs --summary", 2, "error: the argument '--pairs' cannot be used with '--summary'"),
            ("inspect FOLDER/event.jsonl --mask /data -o FOLDER/good.jsonl", 2, "error: FOLDER/good.jsonl exists\nhint: --force writes over it\n"),
        ],
    )
    .await;
}

#[tokio::test]
async fn with_replay() {
    are_said(
        &files("mistakes-replay"),
        &[
            (
                "replay FOLDER/good.jsonl",
                2,
                "error: the following required arguments were not provided:\n  <--to <ADDRESS>|--listen <ADDRESS>>",
            ),
            (
                "replay FOLDER/good.jsonl --to a:1 --listen 1",
                2,
                "error: the argument '--to <ADDRESS>' cannot be used with '--listen <ADDRESS>'",
            ),
            (
                "replay FOLDER/good.jsonl --listen 0 --junit x",
                2,
                "error: the argument '--listen <ADDRESS>' cannot be used with ",
            ),
            (
                "replay FOLDER/no-such.jsonl --to localhost:1",
                2,
                "error: FOLDER/no-such.jsonl: no such file\n",
            ),
            (
                "replay FOLDER/empty.jsonl --to localhost:1",
                2,
                "error: FOLDER/empty.jsonl holds no traffic\n",
            ),
            (
                "replay FOLDER/newer.jsonl --listen 0",
                2,
                "error: FOLDER/newer.jsonl was recorded in format 3",
            ),
            (
                "replay - --to localhost:1 --loop 2",
                2,
                "error: --loop needs a file, not standard input\n",
            ),
            (
                "replay - --to localhost:1 --update",
                2,
                "error: --update needs a file, not standard input\n",
            ),
            (
                "replay FOLDER/event.jsonl --to 127.0.0.1:1",
                3,
                "error: cannot connect to 127.0.0.1:1: refused (0 of 0 calls were made)\nhint: is the service running? Nest listens on localhost:3000 unless told otherwise\n",
            ),
            (
                "replay FOLDER/event.jsonl --listen 0",
                2,
                "error: FOLDER/event.jsonl holds no answered call\n",
            ),
            (
                "replay FOLDER/event.jsonl --to localhost:1 --ignore response/at",
                2,
                "error: invalid value 'response/at' for '--ignore <POINTER>': a pointer begins with /",
            ),
            (
                "replay FOLDER/event.jsonl --to localhost:1 --ignore-value (",
                2,
                "error: invalid value '(' for '--ignore-value <REGEX>': regex parse error",
            ),
            (
                "replay FOLDER/event.jsonl --to localhost:1 --speed fast",
                2,
                "error: invalid value 'fast' for '--speed <SPEED>': max, recorded, or a number above 0",
            ),
            (
                "replay FOLDER/event.jsonl --listen 0 --until never",
                2,
                "error: invalid value 'never' for '--until <UNTIL>': signal, all, or idle=DURATION",
            ),
        ],
    )
    .await;
}
