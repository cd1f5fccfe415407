//! Records real Nest into the fixtures (`fixtures/README.md`).

use std::{
    collections::BTreeMap,
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use nest_wire::recording::{Content, Event, Recording, Side};
use nest_wire_harness::{App, Harness};
use tokio::process::Command;

use crate::{Case, Divergences, Environment, Implementation, Order, Tap, all_cases, cases, get, play};

/// The paths that are requested from the tutorial's HTTP service, and the service behind it.
const ROUTES: [(&str, &str, App); 6] = [
    ("tutorial", "/sum?num=3,5,6", App::User),
    ("object", "/object", App::Conformance),
    ("stream", "/stream", App::Conformance),
    ("error", "/error", App::Conformance),
    ("missing", "/missing", App::Conformance),
    ("note", "/note", App::Conformance),
];

/// The cases that are recorded from each major. Those of `cases/malformed.jsonl` are also recorded,
/// from the newest one.
const RECORDED: [&str; 24] = [
    "all kinds at once",
    "context of null",
    "cut in a character",
    "cut in a surrogate pair",
    "delay overtaken",
    "echo of integer-like keys",
    "echo of lone surrogates",
    "echo of numbers",
    "end after a frame and a half",
    "end before a slow handler's answer",
    "frames on lines of their own",
    "id that is an object",
    "id that is null",
    "malformed UTF-8 in a string",
    "nil is null",
    "no pattern and no data",
    "no pattern and null for data",
    "note asked for as a message",
    "nothing is undefined",
    "notes, two",
    "pattern collated, in another order",
    "stream that fails",
    "stream whose end comes later",
    "three one after the other",
];

/// The major from which `fixtures/malformed/` is recorded.
const NEWEST: u8 = 12;

/// Records all fixtures into `fixtures`.
///
/// # Errors
/// Fails if a file cannot be written.
///
/// # Panics
/// Panics if a service does not answer.
pub async fn record(fixtures: &Path) -> io::Result<()> {
    let environment = Environment::ready().await;
    for major in Harness::MAJORS {
        let folder = fixtures.join(major.to_string());
        for (scenario, path, app) in ROUTES {
            let recording = route(environment, major, scenario, path, app).await;
            write(&folder, scenario, &recording)?;
        }
        let all = all_cases();
        let recorded = all.into_iter().filter(|case| RECORDED.contains(&case.name.as_str()));
        raw(environment, major, recorded.collect(), &folder, "raw-").await?;
    }
    raw(environment, NEWEST, cases("malformed"), &fixtures.join("malformed"), "").await
}

/// Records one visit to a page of the HTTP service, which uses Nest's own client.
async fn route(environment: &Environment, major: u8, scenario: &str, path: &str, app: App) -> Recording {
    let nest = Implementation::Nest(major);
    let service = environment.start(app, nest, &[]).await;
    let tap = Tap::on(service.address()).await;
    let main = environment.start_main(nest, tap.address().port()).await;
    get(main.address(), path).await;
    if app == App::User {
        service
            .wait_for_line("求和")
            .await
            .expect("the user service prints what it is told to log");
    }
    let mut about = about(environment, major, scenario).await;
    about.insert("caller".to_owned(), format!("Nest's client, for GET {path}"));
    let case = if scenario == "note" { "notes, two" } else { "" };
    note_divergence(&mut about, case, major);
    noted(about, tap.events())
}

/// Returns a recording of format 0, with notes. It has no times, which would differ with each run.
fn noted(about: BTreeMap<String, String>, mut events: Vec<Event>) -> Recording {
    events.retain(|event| matches!(event.content, Content::Segment(_) | Content::End));
    events.iter_mut().for_each(|event| event.at = None);
    let mut recording = Recording::from_events(events);
    recording.about = about;
    recording
}

async fn raw(environment: &Environment, major: u8, cases: Vec<Case>, folder: &Path, prefix: &str) -> io::Result<()> {
    let service = environment
        .start(App::Conformance, Implementation::Nest(major), &[])
        .await;
    for case in cases {
        // The first run shows how many packets come back. The second run awaits all of them before
        // the last step.
        let heard = play(&case, service.address()).await;
        let case = case.paced(if heard.was_open_to_the_end() {
            heard.count()
        } else {
            usize::MAX
        });
        let mut about = about(environment, major, &case.name).await;
        about.insert("caller".to_owned(), "a raw socket".to_owned());
        if case.order == Order::PerId {
            about.insert("order".to_owned(), "per id".to_owned());
        }
        if let Some(why) = &case.why {
            about.insert("why".to_owned(), why.clone());
        }
        note_divergence(&mut about, &case.name, major);
        let events = overhear(&case, service.address()).await;
        let name = prefix.to_owned() + &file_name(&case.name);
        write(folder, &name, &noted(about, events))?;
    }
    Ok(())
}

/// Records the bytes that cross a proxy while the case is played, until both sides have closed.
async fn overhear(case: &Case, service: SocketAddr) -> Vec<Event> {
    let mut tap = Tap::on(service).await;
    play(case, tap.address()).await;
    tap.events_until_closed(&[Side::Caller, Side::Service]).await
}

async fn about(environment: &Environment, major: u8, scenario: &str) -> BTreeMap<String, String> {
    let package = environment
        .harness()
        .major(major)
        .join("node_modules/@nestjs/microservices");
    let package = fs::read(package.join("package.json")).expect("an installed package");
    let package: serde_json::Value = serde_json::from_slice(&package).expect("a package.json");
    let nest = package["version"].as_str().expect("a version").to_owned();
    let notes = [
        ("nest", nest),
        ("node", node_major().await),
        ("scenario", scenario.to_owned()),
    ];
    notes.map(|(key, note)| (key.to_owned(), note)).into()
}

async fn node_major() -> String {
    let output = Command::new("node").arg("--version").output().await;
    let version = String::from_utf8(output.expect("node can be run").stdout).expect("text");
    let major = version.trim_start_matches('v').split('.').next();
    major.unwrap_or_default().to_owned()
}

fn note_divergence(about: &mut BTreeMap<String, String>, case: &str, major: u8) {
    if let Some(reason) = Divergences::listed().reason(case, major) {
        about.insert("differs".to_owned(), reason.to_owned());
    }
}

/// Returns the file name of a case: `no pattern, no data` is `no-pattern-no-data`.
fn file_name(case: &str) -> String {
    let words = case.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    words.join("-").to_ascii_lowercase()
}

fn write(folder: &Path, name: &str, recording: &Recording) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let file: PathBuf = folder.join(name).with_extension("jsonl");
    fs::write(file, recording.to_json_lines())
}
