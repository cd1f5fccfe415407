//! `nest-wire bench`: what it counts, what it says, and its statuses. The loops themselves are
//! tested in `nest-wire-load`, in paused time.
#![cfg(unix)]

use std::{
    fs,
    future::pending,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use nest_wire::{
    packet::RpcError,
    server::{Payload, Router},
};
use nest_wire_harness::{App, Harness, Service};
use serde_json::Value;
use tokio::{net::TcpListener, process::Command, sync::mpsc};

use crate::{
    command::{Ended, end_of, nest_wire, nowhere, run, service},
    running::{folder, path},
};

async fn sum(Payload(numbers): Payload<Vec<f64>>) -> f64 {
    numbers.iter().sum()
}

/// A service that counts the calls of `sum`.
async fn counting() -> (String, Arc<AtomicU64>) {
    let count = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&count);
    let handler = async move |Payload(numbers): Payload<Vec<f64>>| {
        counted.fetch_add(1, Relaxed);
        numbers.iter().sum::<f64>()
    };
    (service(Router::new().message("sum", handler)).await, count)
}

async fn bench(args: &[&str]) -> Ended {
    run(&[&["bench"], args].concat()).await
}

/// Returns what `--json` has printed.
fn result(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

/// Asserts that it ends with this status, and has said this among its warnings.
fn assert_fails(ended: &Ended, status: i32, message: &str) {
    assert_eq!(ended.status, Some(status), "{ended:?}");
    assert!(ended.stderr.contains(message), "{message:?} is missing: {ended:?}");
}

#[tokio::test]
async fn as_many_calls_are_made_as_were_asked_for() {
    let (address, count) = counting().await;
    let ended = bench(&[
        "-n", "50", "-c", "3", "-i", "4", "--expect", "6", "--json", &address, "sum", "[1,2,3]",
    ])
    .await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    // The first one is made alone.
    assert_eq!(count.load(Relaxed), 51);
    assert!(
        ended.stdout.starts_with(r#"{"type":"bench","tool":"nest-wire "#),
        "{ended:?}"
    );
    let result = result(&ended);
    for (member, expected) in [
        ("calls", 50.0),
        ("begun", 50.0),
        ("connections", 3.0),
        ("in_flight", 4.0),
        ("errors", 0.0),
        ("error_share", 0.0),
    ] {
        assert_eq!(result[member].as_f64(), Some(expected), "{member}");
    }
    let latency = &result["latency"];
    let order: Vec<f64> = ["p50", "p90", "p99", "p99.9", "max"]
        .iter()
        .map(|name| latency[name].as_f64().expect("a latency"))
        .collect();
    assert!(order.is_sorted() && order[0] > 0.0, "{order:?}");
    let histogram = latency["histogram"].as_array().expect("parts");
    assert_eq!(
        histogram
            .iter()
            .map(|part| part[1].as_u64().expect("a count"))
            .sum::<u64>(),
        50
    );
}

#[tokio::test]
async fn an_open_loop_has_both_latencies() {
    let (address, count) = counting().await;
    let ended = bench(&[
        "-n", "40", "--rate", "1000", "-c", "2", "--json", &address, "sum", "[1]",
    ])
    .await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert_eq!(count.load(Relaxed), 41);
    let result = result(&ended);
    assert_eq!(
        (result["rate"].as_f64(), result["in_flight"].is_null()),
        (Some(1000.0), true)
    );
    let median = |name: &str| result[name]["p50"].as_f64().expect("a latency");
    assert!(median("latency") >= median("service_time"));
}

#[tokio::test]
async fn the_screen_says_how_much_how_long_and_whose_figures_they_are() {
    let (address, _) = counting().await;
    let ended = bench(&["-n", "20", &address, "sum", "[1,2,3]"]).await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    let lines: Vec<&str> = ended.stdout.lines().collect();
    let first = format!(
        "nest-wire {} -> {address}, sum, 1 connection x 64 in flight, closed loop, ",
        env!("CARGO_PKG_VERSION")
    );
    assert!(lines[0].starts_with(&first), "{ended:?}");
    assert!(
        lines[1].starts_with("calls     20  ") && lines[1].contains("   0 errors   "),
        "{ended:?}"
    );
    assert!(lines[2].starts_with("latency   p50 "), "{ended:?}");
    assert!(
        lines[lines.len() - 2].starts_with("this side used ") || cfg!(not(target_os = "linux")),
        "{ended:?}"
    );
    assert!(lines[lines.len() - 1].starts_with("closed loop: "), "{ended:?}");
}

#[tokio::test]
async fn calls_of_a_file_are_made_in_turn() {
    let (address, count) = counting().await;
    let file = path(&folder("bench-calls"), "calls.jsonl");
    fs::write(
        &file,
        "{\"pattern\":\"sum\",\"data\":[1]}\n\n{\"pattern\":\"other\",\"data\":\"求\"}\n",
    )
    .expect("a file");
    let ended = bench(&["-n", "20", "--calls", &file, "--json", &address]).await;
    assert_fails(
        &ended,
        1,
        "error: 10 of 20 calls were not answered as wanted; the first ones:\n  error \"There is no",
    );
    assert_eq!((count.load(Relaxed), result(&ended)["errors"].as_u64()), (11, Some(10)));
}

#[tokio::test]
async fn events_arrive_whole_and_in_number() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let log = async move |Payload(text): Payload<String>| drop(tell.send(text));
    let address = service(Router::new().event("log", log)).await;
    let ended = bench(&["-n", "100", "--emit", &address, "log", "\"求和\""]).await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    for _ in 0..100 {
        assert_eq!(told.recv().await.as_deref(), Some("求和"));
    }
    assert!(ended.stdout.contains("\nevents    100 "), "{ended:?}");
}

#[tokio::test]
async fn a_pattern_that_nobody_handles_is_not_measured() {
    let address = service(Router::new()).await;
    let message = "error: the first call failed: \"There is no matching message handler defined in the remote service.\"\n\
                   hint: asked for the route nobody; nest-wire route explains how patterns meet\n";
    assert_eq!(bench(&[&address, "nobody"]).await, Ended::badly(1, message));
}

#[tokio::test]
async fn wrong_answers_and_errors_are_counted_and_shown() {
    let (address, _) = counting().await;
    let ended = bench(&["-n", "20", "--expect", "7", &address, "sum", "[1,2,3]"]).await;
    let message = "error: 20 of 20 calls were not answered as wanted; the first ones:\n  answered 6\n  answered 6\n  answered 6\n";
    assert_fails(&ended, 1, message);

    let fail = async || Err::<u32, _>(RpcError::new("no"));
    let address = service(Router::new().message("fail", fail)).await;
    let ended = bench(&["-n", "5", &address, "fail"]).await;
    assert_fails(&ended, 1, "\n  error {\"status\":\"error\",\"message\":\"no\"}\n");
    // A threshold for errors decides instead.
    let ended = bench(&["-n", "5", "--fail-if", "errors>5", &address, "fail"]).await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    let ended = bench(&["-n", "5", "--fail-if", "errors>99%", &address, "fail"]).await;
    assert_fails(&ended, 1, "error: errors is 100 %: errors>99%\n");
}

#[tokio::test]
async fn each_threshold_that_is_crossed_is_named() {
    let (address, _) = counting().await;
    let ended = bench(&[
        "-n",
        "20",
        "--fail-if",
        "p99>1h,max<1h,rate<0.001",
        &address,
        "sum",
        "[1]",
    ])
    .await;
    assert_fails(&ended, 1, ": max<1h\n");
    assert!(
        !ended.stderr.contains("p99>1h") && !ended.stderr.contains("rate<"),
        "{ended:?}"
    );
}

#[tokio::test]
async fn a_service_that_never_answers_is_given_up() {
    let first = Arc::new(AtomicU64::new(0));
    let handler = async move || match first.fetch_add(1, Relaxed) {
        0 => 1,
        _ => pending().await,
    };
    let address = service(Router::new().message("once", handler)).await;
    let ended = bench(&["-n", "5", "--timeout", "2s", "--json", &address, "once"]).await;
    assert_fails(&ended, 4, "error: no answer within 2 s on 1 of 1 connection\n");
    assert_eq!(result(&ended)["late"].as_u64(), Some(5));
}

#[tokio::test]
async fn a_service_that_goes_away_leaves_what_was_measured() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound").to_string();
    tokio::spawn(async move {
        // The first connection is that of the first call: events have none.
        let _first = listener.accept().await;
        for _ in 0..2 {
            drop(listener.accept().await);
        }
    });
    let ended = bench(&[
        "-z",
        "60s",
        "-c",
        "2",
        "--emit",
        "--warm-up",
        "0",
        "--json",
        &address,
        "log",
    ])
    .await;
    assert_fails(&ended, 3, "error: the service closed 2 of 2 connections after ");
    assert_eq!(result(&ended)["stopped"].as_bool(), Some(false));
}

#[tokio::test]
async fn ctrl_c_prints_what_was_measured() {
    let (tell, mut told) = mpsc::channel(1);
    let one = async move || {
        let _ = tell.try_send(());
        1
    };
    let address = service(Router::new().message("one", one)).await;
    // A shell that ignores signals would pass that on.
    let mut command = Command::new("env");
    command.arg("--default-signal=INT").arg(env!("CARGO_BIN_EXE_nest-wire"));
    command.args(["bench", "-z", "1h", "--warm-up", "0", "--json", &address, "one"]);
    command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .kill_on_drop(true);
    let child = command.spawn().expect("the binary runs");
    for _ in 0..3 {
        told.recv().await.expect("it calls");
    }
    let id = child.id().expect("it runs").to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .await
            .expect("a kill command")
            .success()
    );
    let ended = end_of(child).await;
    assert_fails(&ended, 130, "stopped: after ");
    let result = result(&ended);
    assert_eq!(result["stopped"].as_bool(), Some(true));
    assert!(result["calls"].as_u64() >= Some(1), "{result}");
}

#[tokio::test]
async fn a_result_is_kept_and_compared_with_the_next() {
    let (address, _) = counting().await;
    let file = path(&folder("bench-against"), "before.json");
    let args = ["-n", "20", &address, "sum", "[1]"];
    let ended = bench(&[&["-o", &file][..], &args].concat()).await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    let kept: Value = serde_json::from_str(&fs::read_to_string(&file).expect("a file")).expect("a result");
    assert_eq!(kept["calls"].as_u64(), Some(20));

    let ended = bench(&[&["-o", &file][..], &args].concat()).await;
    assert_eq!(
        ended,
        Ended::badly(2, &format!("error: {file} exists\nhint: --force writes over it\n"))
    );
    let ended = bench(&[&["--against", &file, "-i", "1"][..], &args].concat()).await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("\n  p99.99  "), "{ended:?}");
    let other = format!("warning: {file} is of another load: sum, 1 connection x 64 in flight, closed loop\n");
    assert!(ended.stderr.contains(&other), "{ended:?}");

    // The line is for programs; the comparison goes where people read.
    let ended = bench(&[&["--against", &file, "--json"][..], &args].concat()).await;
    assert_eq!(ended.stdout.lines().count(), 1, "{ended:?}");
    assert!(ended.stderr.contains("\n  p99.99  "), "{ended:?}");
}

#[tokio::test]
async fn a_report_shows_results_side_by_side() {
    let (address, _) = counting().await;
    let folder = folder("bench-report");
    let (one, two, page) = (
        path(&folder, "one.json"),
        path(&folder, "<two>.json"),
        path(&folder, "page.html"),
    );
    for file in [&one, &two] {
        let ended = bench(&["-n", "20", "-o", file, &address, "sum", "[1]"]).await;
        assert_eq!(ended.status, Some(0), "{ended:?}");
    }
    let ended = run(&["report", &one, &two, "-o", &page]).await;
    assert_eq!(ended, Ended::well(&format!("{page}: 2 results of bench\n")));
    let html = fs::read_to_string(&page).expect("a page");
    for part in [
        "<tr><th><th>one<th>&lt;two&gt;</thead>",
        "<tr><td>answered<td>20<td>20\n",
        "<tr><td>p99.99<td>",
        "aria-label=\"Histograms of the latencies\"",
        "<rect class=ok x=",
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
    assert!(
        html.contains("default-src 'none'") && !html.contains("<script"),
        "{html}"
    );

    let recording = path(&folder, "calls.jsonl");
    fs::write(&recording, "{}\n").expect("a file");
    let ended = run(&["report", &one, &recording, "-o", "-"]).await;
    let message = format!("error: {recording}: not a result of nest-wire bench\nhint: nest-wire bench -o writes one\n");
    assert_eq!(ended, Ended::badly(2, &message));
    let ended = run(&["report", &recording, &recording, "-o", "-"]).await;
    let message = "error: several files are only shown together if they are results of nest-wire bench\n";
    assert_eq!(ended, Ended::badly(2, message));
}

/// Asserts that these arguments are refused before anything is connected, in these words.
async fn is_refused(args: &[&str], words: &str) {
    let ended = bench(args).await;
    assert_eq!(
        (ended.status, ended.stdout.as_str()),
        (Some(2), ""),
        "{args:?} {ended:?}"
    );
    assert!(
        ended.stderr.starts_with(&format!("error: {words}")),
        "{args:?} {ended:?}"
    );
}

#[tokio::test]
async fn mistakes_are_named_before_anything_is_asked() {
    let at = nowhere();
    let folder = folder("bench-mistakes");
    let file = |name: &str, text: &str| {
        fs::write(Path::new(&folder).join(name), text).expect("a file");
        path(&folder, name)
    };
    is_refused(
        &["-n", "1", "-z", "1s", &at, "sum"],
        "the argument '--count <N>' cannot be used with '--duration",
    )
    .await;
    is_refused(
        &["-i", "1", "--rate", "5", &at, "sum"],
        "the argument '--in-flight <N>' cannot be used with",
    )
    .await;
    is_refused(
        &["--emit", "--expect", "6", &at, "sum"],
        "the argument '--emit' cannot be used with '--expect",
    )
    .await;
    is_refused(
        &[&at],
        "the following required arguments were not provided:\n  <PATTERN>",
    )
    .await;
    is_refused(&["-c", "0", &at, "sum"], "invalid value '0' for '--connections <N>'").await;
    is_refused(
        &["-i", "100000", &at, "sum"],
        "invalid value '100000' for '--in-flight <N>': it takes 1 to 99999",
    )
    .await;
    is_refused(
        &["--rate", "0", &at, "sum"],
        "invalid value '0' for '--rate <PER SECOND>': write a number of",
    )
    .await;
    is_refused(
        &["--expect", "six", &at, "sum"],
        "--expect: six is not JSON\nhint: a text is written '\"six\"'\n",
    )
    .await;
    is_refused(
        &["--fail-if", "p42>50ms", &at, "sum"],
        "invalid value 'p42>50ms' for '--fail-if <CONDITION>': \
         --fail-if knows p50 p90 p95 p99 p99.9 p99.99 max errors rate\n",
    )
    .await;
    is_refused(&["--calls", "no/such.jsonl", &at], "no/such.jsonl: no such file\n").await;
    let calls = file("calls.jsonl", "{\"pattern\":\"sum\"}\n[1]\n");
    is_refused(
        &["--calls", &calls, &at],
        &format!("{calls}, line 2: a call is {{\"pattern\": ..., \"data\": ...}}\n"),
    )
    .await;
    let calls = file("empty.jsonl", "\n");
    is_refused(&["--calls", &calls, &at], &format!("{calls} holds no calls\n")).await;
    is_refused(&["--against", "no.json", &at, "sum"], "no.json: no such file\n").await;
    let other = file("other.json", "{\"type\":\"record\"}\n");
    let words = format!("{other}: not a result of nest-wire bench\nhint: nest-wire bench -o writes one\n");
    is_refused(&["--against", &other, &at, "sum"], &words).await;
}

#[tokio::test]
async fn too_few_descriptors_are_known_beforehand() {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 64; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_nest-wire")]);
    command.args(["bench", "-c", "100", &nowhere(), "sum"]);
    command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let ended = end_of(command.spawn().expect("a shell")).await;
    let message = "error: 100 connections need 116 descriptors, the limit is 64\nhint: ulimit -n 128\n";
    assert_eq!(ended, Ended::badly(2, message));
}

#[tokio::test]
async fn a_reader_that_went_away_is_no_failure() {
    let address = service(Router::new().message("sum", sum)).await;
    let mut child = nest_wire(["bench", "-n", "5", &address, "sum", "[1]"])
        .spawn()
        .expect("the binary runs");
    drop(child.stdout.take());
    assert_eq!(child.wait().await.expect("it ends").code(), Some(0));
}

#[tokio::test]
async fn real_nest_is_measured_in_both_loops() {
    let harness = Harness::find().expect("a checkout");
    harness.install(&[12], |_| {}).await.expect("Nest is installed");
    let mut command = harness.node(App::User, 12);
    command.args(["--port", "0", "--host", "127.0.0.1"]);
    let nest = Service::start("Node user", command).await.expect("it starts");
    let address = nest.address().to_string();
    for pace in [["-i", "8"], ["--rate", "500"]] {
        let args = [
            "-n", "200", "-c", "2", "--expect", "6", "--json", &address, "sum", "[1,2,3]",
        ];
        let ended = bench(&[&pace[..], &args].concat()).await;
        assert_eq!(ended.status, Some(0), "{ended:?}");
        let result = result(&ended);
        assert_eq!(
            (result["calls"].as_u64(), result["latency"]["count"].as_u64()),
            (Some(200), Some(200))
        );
    }
}
