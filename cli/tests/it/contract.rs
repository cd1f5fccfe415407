//! `docs/CONTRACT_TESTS.md` and the action `contract` keep their word: their steps run as they are
//! printed, with Nest's main and user and with the user in Rust.
#![cfg(unix)]

use nest_wire::{Payload, Router};

use crate::{
    command::{Ended, service},
    documents::{blocks, document, prints_what_stands_there},
    project::Project,
    steps::{Step, read},
};

fn rust_user() -> Router {
    async fn sum(Payload(numbers): Payload<Vec<f64>>) -> f64 {
        numbers.iter().sum()
    }
    Router::new().message("sum", sum).event("log", async || {})
}

fn assert_well(ended: &Ended, step: &str) {
    assert_eq!(ended.status, Some(0), "{step}\n{}", ended.stdout);
}

#[tokio::test]
async fn the_steps_of_the_document_run_as_they_are_printed() {
    let project = Project::new("contract-document").await;
    let text = document("docs/CONTRACT_TESTS.md");
    let mut ran = 0;
    let languages = ["sh", "yaml", "console"];
    let mut rest = &*text;
    // In the order of the page: later steps use what earlier ones wrote.
    while let Some((_, after)) = rest.split_once("\n```") {
        let (language, after) = after.split_once('\n').expect("a line");
        let (block, after) = after.split_once("```").expect("its end");
        rest = after;
        assert!(languages.contains(&language), "{language}");
        ran += 1;
        match language {
            "sh" => {
                let ended = project.shell(block, &[]).await;
                assert_well(&ended, block);
            }
            "yaml" => {
                for step in Step::all(&read(block)) {
                    let ended = project.step(&step).await;
                    assert_well(&ended, &format!("{step:?}"));
                }
            }
            _ => {
                let address = service(rust_user()).await;
                let port = address.rsplit_once(':').expect("a port").1;
                let ports = vec![(":8888".to_owned(), format!(":{port}"))];
                prints_what_stands_there(block, &project.folder, ports).await;
            }
        }
    }
    assert_eq!(ran, 9);
    assert_eq!(blocks(&text, "yaml").len(), 2);
    let recording = project.read("contracts/user.jsonl");
    assert!(recording.contains(r#"\"response\":14,"#), "{recording}");
    let junit = project.read("nest-wire.xml");
    assert!(
        junit.contains(r#"tests="2" skipped="0" errors="0" failures="0""#),
        "{junit}"
    );
}

/// A recording of the caller's `sum`, with this answer.
fn recording(answer: &str) -> String {
    let request = r#"{"pattern":"sum","data":[3,5,6],"id":"x1"}"#;
    let reply = format!(r#"{{"response":{answer},"isDisposed":true,"id":"x1"}}"#);
    let line = |from: &str, text: &str| {
        let text = format!("{}#{text}", text.encode_utf16().count());
        serde_json::json!({"connection": 1, "from": from, "text": text}).to_string()
    };
    format!("{{}}\n{}\n{}\n", line("caller", request), line("service", &reply))
}

fn inputs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

#[tokio::test]
async fn the_action_passes_the_statuses_through_and_says_what_differs() {
    let project = Project::new("contract-action").await;
    project.write("well.jsonl", &recording("14"));
    project.write("other.jsonl", &recording(r###""##[error]::error::x""###));
    let start = "target/release/user --port 8888";
    let at = "localhost:8888";
    let binary = env!("CARGO_BIN_EXE_nest-wire");

    let well = inputs(&[
        ("recording", "well.jsonl"),
        ("to", at),
        ("start", start),
        ("nest-wire", binary),
    ]);
    let ended = project.action(&well).await;
    assert_well(&ended, "well");
    assert!(!ended.stdout.contains("cargo install"), "{}", ended.stdout);

    // The service of the run before is gone, or its port would be taken.
    let ended = project
        .action(&inputs(&[("recording", "other.jsonl"), ("to", at), ("start", start)]))
        .await;
    assert_eq!(ended.status, Some(1), "{}", ended.stdout);
    assert!(
        ended.stdout.contains("cargo install --locked --path "),
        "{}",
        ended.stdout
    );
    let (_, report) = ended.stdout.split_once("::stop-commands::").expect("it is on");
    let (token, report) = report.split_once('\n').expect("a line");
    let (report, _) = report.split_once(&format!("\n::{token}::\n")).expect("it is off");
    assert!(report.contains("/response") && report.contains("->  14"), "{report}");
    let summary = project.read("summary.md");
    assert!(
        summary.contains("### Contract test: other.jsonl\n\n      ✗ sum [3,5,6]"),
        "{summary}"
    );
    assert!(project.read("nest-wire.xml").contains(r#"failures="1""#));

    for (given, status) in [
        (&[("recording", "well.jsonl"), ("to", at), ("wait", "50ms")][..], 3),
        (&[("recording", "none.jsonl"), ("to", at), ("start", start)], 2),
        (&[("recording", "well.jsonl")], 2),
        (&[("recording", "well.jsonl"), ("listen", "8888")], 2),
        (&[("recording", "well.jsonl"), ("to", at), ("nest-wire", "/none")], 2),
        (&[("recording", "none.jsonl"), ("listen", "8888"), ("test", "true")], 2),
        // Nobody calls; the tests fail.
        (&[("recording", "well.jsonl"), ("listen", "8888"), ("test", "true")], 1),
        (
            &[("recording", "well.jsonl"), ("listen", "8888"), ("test", "exit 7")],
            7,
        ),
    ] {
        let ended = project.action(&inputs(given)).await;
        assert_eq!(ended.status, Some(status), "{given:?}\n{}", ended.stdout);
    }

    let test = "PATHS='/sum?num=3,5,6 /sum?num=3,5,7' npm test";
    let ended = project
        .action(&inputs(&[
            ("recording", "well.jsonl"),
            ("listen", "8888"),
            ("test", test),
        ]))
        .await;
    assert_eq!(ended.status, Some(1), "{}", ended.stdout);
    for line in [
        "/sum?num=3,5,6 200 14\n",
        "/sum?num=3,5,7 500 ",
        "unknown: sum [3,5,7]; the nearest recorded call is sum [3,5,6]",
    ] {
        assert!(ended.stdout.contains(line), "{line}\n{}", ended.stdout);
    }
}
