//! `nest-wire new`: the project that is made of a recording builds, and replays the recording.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use nest_wire::{codec::units, json};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRng, TestRunner},
};
use tokio::process::Command;

use crate::{
    command::{Ended, end_of, nest_wire},
    running::folder,
};

/// One recorded call: the pattern, the data and the replies' members, all of them JSON.
struct Recorded {
    pattern: String,
    data: Option<String>,
    replies: Vec<String>,
}

fn call(pattern: &str, data: &str, replies: &[&str]) -> Recorded {
    Recorded {
        pattern: pattern.to_owned(),
        data: Some(data.to_owned()),
        replies: replies.iter().map(|&reply| reply.to_owned()).collect(),
    }
}

/// Returns a recording of these calls, all on one connection.
fn recording(calls: &[Recorded]) -> String {
    let mut text = "{\"format\":\"1\"}\n".to_owned();
    let mut line = |from: &str, packet: &str| {
        let frame = format!("{}#{packet}", units(packet));
        let frame = serde_json::to_string(&frame).expect("a text");
        text.push_str(&format!(
            "{{\"at\":0.1,\"connection\":1,\"from\":\"{from}\",\"text\":{frame}}}\n"
        ));
    };
    for (number, call) in calls.iter().enumerate() {
        let data = call
            .data
            .as_ref()
            .map(|data| format!(",\"data\":{data}"))
            .unwrap_or_default();
        let id = if call.replies.is_empty() {
            String::new()
        } else {
            format!(",\"id\":\"{number}\"")
        };
        line("caller", &format!("{{\"pattern\":{}{data}{id}}}", call.pattern));
        for reply in &call.replies {
            line("service", &format!("{{{reply},\"id\":\"{number}\"}}"));
        }
    }
    text
}

/// Makes a project of this name of a recording. Returns its folder. Cargo takes two projects of one
/// name for one, where they share a folder of builds.
async fn project(test: &str, recording: &str) -> PathBuf {
    let folder = folder(test);
    fs::write(folder.join("calls.jsonl"), recording).expect("a file");
    let made = new(&folder, &[test, "--from", "calls.jsonl"]).await;
    assert_eq!((made.status, made.stderr.as_str()), (Some(0), ""), "{}", made.stdout);
    folder.join(test)
}

/// Runs the command in a folder, with the crate of this repository.
pub(crate) async fn new(folder: &Path, arguments: &[&str]) -> Ended {
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut command = nest_wire(["new"]);
    command.args(arguments).arg("--nest-wire").arg(library);
    command.current_dir(folder);
    end_of(command.spawn().expect("the binary runs")).await
}

/// Runs cargo in a project, which shares this repository's folder of builds, so that dependencies are
/// built once. Returns true if it went well without a warning, and what it printed.
pub(crate) async fn cargo(project: &Path, arguments: &[&str]) -> (bool, String) {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("..");
    if !project.join("Cargo.lock").exists() {
        // The versions that this repository is tested with.
        let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
        fs::copy(lock, project.join("Cargo.lock")).expect("a copy");
        forget_builds(project, &target);
    }
    let mut command = Command::new(env!("CARGO"));
    command
        .args(arguments)
        .env("CARGO_TARGET_DIR", target)
        .env_remove("OLD_SERVICE")
        .current_dir(project)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = command.output().await.expect("cargo runs");
    let printed = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.success() && !printed.contains("warning"), printed)
}

/// Makes cargo build all of a project: it would take what an earlier run has left of one of this name
/// for this one. (`cargo clean` would remove the tests of other projects too, which have one name.)
fn forget_builds(project: &Path, target: &Path) {
    let name = project.file_name().and_then(|name| name.to_str()).expect("text");
    let start = format!("{name}-");
    let Ok(fingerprints) = fs::read_dir(target.join("debug/.fingerprint")) else {
        return;
    };
    for entry in fingerprints.filter_map(Result::ok) {
        if entry.file_name().to_string_lossy().starts_with(&start) {
            fs::remove_dir_all(entry.path()).expect("a folder of this project alone");
        }
    }
}

const ITEM: &str = r#"{"id":"18446744073709551615","type":"tea","unit-price":2.5,"made":"2026-11-25T00:00:00.000Z","picture":{"type":"Buffer","data":[104]},"size":[1,2],"note":null}"#;
const OTHER_ITEM: &str = r#"{"id":"7","type":"cup","unit-price":2,"made":"2026-11-25T00:00:00.000Z","picture":{"type":"Buffer","data":[]},"size":[]}"#;

fn shop() -> Vec<Recorded> {
    vec![
        call(r#"{"cmd":"sum"}"#, "[1,2.5]", &[r#""response":3.5,"isDisposed":true"#]),
        call(
            r#"{"cmd":"save"}"#,
            ITEM,
            &[&format!(r#""response":{OTHER_ITEM},"isDisposed":true"#)],
        ),
        call(
            r#"{"cmd":"save"}"#,
            OTHER_ITEM,
            &[&format!(r#""response":{ITEM},"isDisposed":true"#)],
        ),
        call("\"find\"", "\"tea\"", &[r#""response":null,"isDisposed":true"#]),
        call("\"find\"", "7", &[&format!(r#""response":{ITEM},"isDisposed":true"#)]),
        call("\"ping\"", "{}", &[r#""response":"pong","isDisposed":true"#]),
        call(
            "\"ticks\"",
            "3",
            &[
                r#""response":0"#,
                r#""response":1"#,
                r#""response":2"#,
                r#""isDisposed":true"#,
            ],
        ),
        call(
            "\"fail\"",
            "1",
            &[r#""err":{"status":"error","message":"no"},"isDisposed":true"#],
        ),
        call("\"forget\"", "\"tea\"", &[r#""isDisposed":true"#]),
        call("\"user.created\"", r#"{"name":"Ada"}"#, &[]),
        Recorded {
            pattern: "\"nothing\"".to_owned(),
            data: None,
            replies: vec![r#""response":true,"isDisposed":true"#.to_owned()],
        },
    ]
}

#[tokio::test]
async fn a_project_builds_without_a_warning_replays_its_recording_and_takes_a_handler() {
    let project = project("new_shop", &recording(&shop())).await;
    let (passed, printed) = cargo(&project, &["test", "--quiet"]).await;
    assert!(passed, "{printed}");

    // Each handler is one line away: all of them at once keep their contracts.
    let file = project.join("src/handlers.rs");
    let handlers = fs::read_to_string(&file).expect("the handlers");
    let registered = handlers.lines().filter(|line| !line.contains("old_service.clone()"));
    let own: Vec<String> = registered
        .map(|line| line.replacen("// .handle", ".handle", 1))
        .collect();
    fs::write(&file, own.join("\n")).expect("written");
    let (passed, printed) = cargo(&project, &["check", "--quiet"]).await;
    assert!(passed, "{printed}");

    // One that answers otherwise than the old service is found.
    let mistaken = handlers
        .replace("        .message(contracts::SUM.pattern(), old_service.clone())\n", "")
        .replace(
            "// .handle_message(contracts::SUM, sum)",
            ".handle_message(contracts::SUM, sum)",
        )
        .replace("todo!(\"sum: {data:?}\")", "Payload(data.iter().sum::<f64>() + 1.0)");
    fs::write(&file, mistaken).expect("written");
    let (passed, printed) = cargo(&project, &["test", "--quiet", "--test", "replay"]).await;
    assert!(!passed, "{printed}");
    assert!(printed.contains("\"response\":4.5"), "{printed}");
}

/// Any JSON that a peer in Node may write, of few names, so that shapes meet.
fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let date = "2026-11-25T00:00:00.000Z";
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i32>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        "[a-z\u{e9}\u{1F600}\"\\\\]{0,4}".prop_map(Into::into),
        Just(date.into()),
        proptest::collection::vec(any::<u8>(), 0..3)
            .prop_map(|data| serde_json::json!({"type": "Buffer", "data": data})),
    ];
    let name = prop_oneof![
        Just("a"),
        Just("type"),
        Just("data"),
        Just("a-b"),
        Just("a b"),
        Just(""),
        Just("Self")
    ];
    leaf.prop_recursive(4, 24, 5, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            proptest::collection::vec((name.clone(), inner), 0..5).prop_map(|members| {
                let members = members.into_iter().map(|(name, value)| (name.to_owned(), value));
                serde_json::Value::Object(members.collect())
            }),
        ]
    })
}

/// Adds a test to the project: each recorded value is read as its type, and written back.
const TYPED: &str = r#"
#[test]
fn each_value_is_read_as_its_type_and_written_back() {
    fn check<T: serde::Serialize + serde::de::DeserializeOwned, R>(_: nest_wire::contract::Message<T, R>, text: &str) {
        let typed: T = nest_wire::json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let written = nest_wire::json::to_string(&typed).expect("JSON");
        let (written, wanted) = (nest_wire::json::parse(&written), nest_wire::json::parse(text));
        assert_eq!(written.expect("JSON"), wanted.expect("JSON"), "{text}");
    }
"#;

#[tokio::test]
async fn whatever_was_recorded_is_read_by_the_types_that_are_inferred_from_it() {
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(Default::default()));
    let values = proptest::collection::vec(any_json(), 1..6);
    let (mut calls, mut test) = (Vec::new(), TYPED.to_owned());
    for pattern in 0..60 {
        for value in values.new_tree(&mut runner).expect("values").current() {
            // As Node writes it.
            let text = json::parse(&value.to_string()).expect("JSON").stringify();
            calls.push(call(&format!("\"p{pattern}\""), &text, &[r#""isDisposed":true"#]));
            test.push_str(&format!("    check(new_random::contracts::P{pattern}, {text:?});\n"));
        }
    }
    test.push_str("}\n");
    let project = project("new_random", &recording(&calls)).await;
    let contracts = fs::read_to_string(project.join("src/contracts.rs")).expect("the contracts");
    // `NoData` is only written.
    let is_typed = |line: &&str| {
        let name = line
            .trim()
            .strip_prefix("check(new_random::contracts::")
            .and_then(|rest| rest.split(',').next());
        name.is_none_or(|name| !contracts.contains(&format!("const {name}: Message<NoData")))
    };
    let test: Vec<&str> = test.lines().filter(is_typed).collect();
    fs::write(project.join("tests/typed.rs"), test.join("\n")).expect("a test");
    let (passed, printed) = cargo(&project, &["test", "--quiet", "--test", "typed", "--test", "replay"]).await;
    assert!(passed, "{printed}");
}

#[tokio::test]
async fn the_likeliest_mistakes_are_said() {
    let folder = folder("new_mistakes");
    let good = recording(&shop());
    fs::write(folder.join("good.jsonl"), &good).expect("a file");
    fs::write(folder.join("notes.jsonl"), "{\"format\":\"1\"}\n").expect("a file");
    fs::write(
        folder.join("idle.jsonl"),
        "{}\n{\"connection\":1,\"from\":\"caller\",\"end\":true}\n",
    )
    .expect("a file");
    fs::write(folder.join("cut.jsonl"), &good[..good.len() - 9]).expect("a file");
    fs::write(folder.join("wrong.jsonl"), "GET / HTTP/1.1\n").expect("a file");
    fs::create_dir(folder.join("there")).expect("a folder");
    for (arguments, message) in [
        ("there --from good.jsonl", "error: there: it exists\n"),
        ("good.jsonl --from good.jsonl", "error: invalid value 'good.jsonl'"),
        ("1st --from good.jsonl", "error: invalid value '1st'"),
        ("../up --from good.jsonl", "error: invalid value '../up'"),
        ("tokio --from good.jsonl", "error: invalid value 'tokio'"),
        ("made", "error: the following required arguments"),
        ("made --from absent.jsonl", "error: absent.jsonl: no such file\n"),
        ("made --from notes.jsonl", "error: notes.jsonl holds no traffic\n"),
        ("made --from idle.jsonl", "error: idle.jsonl holds no calls\n"),
        ("made --from wrong.jsonl", "error: wrong.jsonl, line 1: not a recording"),
        ("made --from cut.jsonl", "error: cut.jsonl ends inside line"),
        ("made --from there", "error: there: it is a directory\n"),
    ] {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let mut command = nest_wire(["new"]);
        command.args(&arguments).current_dir(&folder);
        let ended = end_of(command.spawn().expect("the binary runs")).await;
        assert_eq!(ended.status, Some(2), "{arguments:?}: {}{}", ended.stdout, ended.stderr);
        assert!(ended.stderr.starts_with(message), "{arguments:?}: {}", ended.stderr);
        assert!(!folder.join("made").exists(), "{arguments:?} left a folder");
    }
}
