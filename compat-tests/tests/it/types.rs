//! Documents made of contracts: TypeScript, compiled and called by Nest's callers, and AsyncAPI.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Output, Stdio},
};

use compat_tests::{on_each_major, package};
use futures_util::stream;
use nest_wire::{
    contract::{Document, Event, Message, NoData},
    json::{Buffer, Date},
    pattern::Pattern,
    server::{HostListener, Payload, Router, reply::ReplyStreamOf, serve},
};
use nest_wire_harness::Harness;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::{io::AsyncWriteExt, process::Command, sync::mpsc};

const SUM: Message<Vec<f64>, f64> = Message::with_pattern(|| Pattern::object([("cmd", "sum")]));
const PING: Message<NoData, String> = Message::new("ping");
const TICKS: Message<u32, u32> = Message::new("ticks");
const SAVE: Message<Item, Item> = Message::with_pattern(|| Pattern::object([("cmd", "save")]));
const FIND: Message<Search, Option<Item>> = Message::new("find");
const AREA: Message<Shape, f64> = Message::new("area");
const FORGET: Message<String, ()> = Message::new("forget");
const LOGGED: Event<BTreeMap<String, u32>> = Event::new("logged");

/// Something that is for sale.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Item {
    #[serde(with = "nest_wire::json::text")]
    #[schemars(schema_with = "nest_wire::json::text::json_schema")]
    id: u64,
    colour: Colour,
    /// When it was made.
    made: Date,
    picture: Buffer,
    size: (f64, f64),
    #[serde(rename = "unit-price")]
    price: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Colour {
    DarkRed,
    Green,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Search {
    key: String,
    limit: Option<u32>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Shape {
    Circle { radius: f64 },
    Square { side: f64 },
}

fn document() -> Document {
    Document::new("Shop", "1.0.0")
        .message(SUM)
        .doc("Adds numbers.")
        .message(PING)
        .stream(TICKS)
        .message(SAVE)
        .message(FIND)
        .message(AREA)
        .message(FORGET)
        .event(LOGGED)
}

fn router(logged: mpsc::UnboundedSender<BTreeMap<String, u32>>) -> Router {
    let log = async move |Payload(counts): Payload<BTreeMap<String, u32>>| drop(logged.send(counts));
    Router::new()
        .handle_message(SUM, async |Payload(numbers): Payload<Vec<f64>>| {
            numbers.iter().sum::<f64>()
        })
        .handle_message(PING, async || "pong")
        .handle_message(TICKS, async |Payload(count): Payload<u32>| {
            ReplyStreamOf::new(stream::iter(0..count))
        })
        .handle_message(SAVE, async |Payload(item): Payload<Item>| Payload(item))
        .handle_message(FIND, async |Payload(_): Payload<Search>| None::<Payload<Item>>)
        .handle_message(AREA, async |Payload(shape): Payload<Shape>| match shape {
            Shape::Circle { radius } => 3.0 * radius * radius,
            Shape::Square { side } => side * side,
        })
        .handle_message(FORGET, async |Payload(_): Payload<String>| ())
        .handle_event(LOGGED, log)
}

/// What the caller in `types/caller.ts` prints. The observable of Nest's `emit` has one value,
/// which is undefined.
const RECEIVED: &str = concat!(
    r#"{"sum":[3.5],"ping":["pong"],"ticks":[0,1,2],"saved":["#,
    r#"{"id":"18446744073709551615","colour":"dark-red","made":"1970-01-01T00:00:00.000Z","#,
    r#""picture":{"type":"Buffer","data":[104,105]},"size":[1,2],"unit-price":2.5}],"again":["#,
    r#"{"id":"18446744073709551615","colour":"dark-red","made":"1970-01-01T00:00:00.000Z","#,
    r#""picture":{"type":"Buffer","data":[104,105]},"size":[1,2],"unit-price":2.5}],"#,
    r#""digits":20,"found":[null],"area":[12],"nothing":[],"log":[null],"bytes":[104,105]}"#,
);

on_each_major!(typescript_made_of_contracts_compiles_and_calls_with, calls);

async fn calls(major: u8) {
    let (logged, mut log) = mpsc::unbounded_channel();
    let listener = HostListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addrs().expect("an address")[0].port();
    tokio::spawn(serve(listener, router(logged)).into_future());

    let project = project(major).await;
    let compiled = compile(&project).await;
    assert!(
        compiled.status.success(),
        "{}",
        String::from_utf8_lossy(&compiled.stdout)
    );
    let mut caller = Command::new("node");
    caller.arg("caller.js").env("PORT", port.to_string());
    let called = output(caller, &project).await;
    let printed = String::from_utf8_lossy(&called.stdout);
    assert_eq!(printed.trim(), RECEIVED, "{}", String::from_utf8_lossy(&called.stderr));
    assert_eq!(log.recv().await, Some(BTreeMap::from([("tea".to_owned(), 2)])));
}

/// As strict as the compiler can be. Packages are not checked: Nest's older ones were written for
/// older compilers.
const TSCONFIG: &str = r#"{
    "compilerOptions": {
        "strict": true,
        "noUnusedLocals": true,
        "noUnusedParameters": true,
        "exactOptionalPropertyTypes": true,
        "skipLibCheck": true,
        "types": [],
        "target": "es2022",
        "module": "nodenext"
    },
    "files": ["caller.ts"]
}"#;

/// Makes a TypeScript project that finds the packages of this major.
async fn project(major: u8) -> std::path::PathBuf {
    // Without the environment of the other tests, which builds examples that nobody starts here.
    let harness = Harness::find().expect("a checkout");
    harness.install(&[major], |_| ()).await.expect("npm installs Nest");
    let nest = harness.major(major);
    let name = format!("types-{major}-{}", std::process::id());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    std::os::unix::fs::symlink(nest.join("node_modules"), folder.join("node_modules")).expect("a link");
    let kind = if major < 12 { "commonjs" } else { "module" };
    let caller = include_str!("../../types/caller.ts").to_owned();
    for (file, text) in [
        ("package.json", format!(r#"{{"type":"{kind}"}}"#)),
        ("tsconfig.json", TSCONFIG.to_owned()),
        ("caller.ts", caller),
        ("shop.ts", document().to_typescript()),
    ] {
        fs::write(folder.join(file), text).expect("a file");
    }
    folder
}

/// Compiles a project.
async fn compile(project: &Path) -> Output {
    let types = package::ready("types").await;
    let mut tsc = Command::new("node");
    tsc.arg(types.join("node_modules/typescript/bin/tsc"));
    output(tsc, project).await
}

async fn output(mut command: Command, folder: &Path) -> Output {
    command.current_dir(folder).kill_on_drop(true);
    command.output().await.expect("node can be run")
}

#[tokio::test]
async fn a_wrong_call_does_not_compile() {
    let project = project(12).await;
    let caller = fs::read_to_string(project.join("caller.ts")).expect("the caller");
    let expectation = "  // @ts-expect-error a text in place of a number\n";
    assert!(caller.contains(expectation));
    fs::write(project.join("caller.ts"), caller.replace(expectation, "")).expect("written");
    let compiled = compile(&project).await;
    assert!(!compiled.status.success());
    let why = String::from_utf8_lossy(&compiled.stdout);
    assert!(
        why.contains("Type 'string' is not assignable to type 'number'"),
        "{why}"
    );
}

#[tokio::test]
async fn asyncapis_own_parser_accepts_the_document() {
    assert_eq!(faults(&document().to_asyncapi()).await, "");
    let broken = document()
        .to_asyncapi()
        .replace(r##""#/channels/sum""##, r##""#/channels/nothing""##);
    assert_ne!(faults(&broken).await, "");
}

/// Returns the errors that AsyncAPI's parser finds.
async fn faults(document: &str) -> String {
    let types = package::ready("types").await;
    let mut parser = Command::new("node");
    parser.arg(types.join("validate.mjs"));
    parser
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut parser = parser.spawn().expect("node can be run");
    let mut input = parser.stdin.take().expect("a pipe");
    input.write_all(document.as_bytes()).await.expect("it reads");
    drop(input);
    let output = parser.wait_with_output().await.expect("it ends");
    let (found, failed) = (&output.stdout, &output.stderr);
    let text = String::from_utf8_lossy(found).into_owned();
    assert_eq!(
        output.status.success(),
        text.is_empty(),
        "{}",
        String::from_utf8_lossy(failed)
    );
    text
}

#[test]
fn a_router_has_no_handler_that_the_document_lacks() {
    let (logged, _) = mpsc::unbounded_channel();
    let router = router(logged);
    let patterns = router.patterns().map(|(pattern, _)| pattern);
    assert_eq!(document().undescribed(patterns), []);
}
