//! `nest-wire inspect` finds in each capture of `fixtures/captures` what its table says, field by
//! field. The Wireshark dissector is held to the same tables.

use std::{
    fs,
    path::{Path, PathBuf},
};

use nest_wire::json::{self, Value};

use crate::command::{Ended, run, run_with_stdin};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/captures")
}

/// A row of a table, or what `inspect --json` prints of the same packet.
#[derive(Debug, PartialEq)]
struct Row {
    kind: String,
    pattern: String,
    id: String,
    length: String,
    units: String,
    bytes: String,
    counts_bytes: bool,
    data: Option<String>,
    skipped: String,
}

impl Row {
    /// A frame of which the length alone is known.
    fn is_cut(&self) -> bool {
        self.kind.is_empty() && !self.length.is_empty()
    }
}

/// The rows of a table, and the time from request to reply of each, in seconds.
fn expected(table: &str) -> Vec<(Row, Option<f64>)> {
    let mut lines = table.lines();
    let keys: Vec<&str> = lines.next().expect("keys").split('\t').collect();
    lines
        .map(|line| row(&keys, &line.split('\t').collect::<Vec<_>>()))
        .collect()
}

fn row(keys: &[&str], values: &[&str]) -> (Row, Option<f64>) {
    let find = |key: &str| {
        keys.iter()
            .position(|known| *known == key)
            .map(|index| values[index].to_owned())
    };
    let get = |key: &str| find(key).unwrap_or_default();
    let row = Row {
        kind: get("nest.kind"),
        pattern: get("nest.pattern"),
        id: get("nest.id"),
        length: get("nest.length"),
        units: get("nest.units"),
        bytes: get("nest.bytes"),
        counts_bytes: get("nest.byte_counted") == "1",
        data: find("nest.data"),
        skipped: get("nest.skipped"),
    };
    (row, get("nest.time").parse().ok())
}

/// What `inspect --json` printed, in the words of the tables.
fn found(output: &str, has_data: bool) -> Vec<(Row, Option<f64>)> {
    let lines = output.lines().map(|line| json::parse(line).expect("JSON"));
    lines.filter_map(|line| found_row(&line, has_data)).collect()
}

fn found_row(line: &Value, has_data: bool) -> Option<(Row, Option<f64>)> {
    let text = |key: &str| match line.get(key) {
        Some(Value::String(text)) => text.to_string_lossy().into_owned(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    let fault = text("fault");
    let mut row = Row {
        kind: match text("kind").as_str() {
            "last" => "last value".to_owned(),
            "nohandler" => "no handler".to_owned(),
            // A frame that counts something else is still a packet to the dissector; see below.
            other => other.to_owned(),
        },
        pattern: text("pattern"),
        id: text("id"),
        length: text("header"),
        units: text("units"),
        bytes: text("text_bytes"),
        counts_bytes: fault.contains("its length in bytes"),
        data: has_data.then(|| line.get("payload").map(ToString::to_string).unwrap_or_default()),
        skipped: String::new(),
    };
    match text("type").as_str() {
        "packet" if fault.contains("the bytes end before") => {
            // Cut: the dissector shows the length alone.
            row = Row {
                length: row.length,
                ..empty(has_data)
            };
        }
        "packet" => {}
        "skipped" => {
            row = Row {
                skipped: text("bytes"),
                ..empty(has_data)
            };
        }
        _ => return None,
    }
    Some((row, line.get("latency").and_then(Value::as_f64)))
}

fn empty(has_data: bool) -> Row {
    Row {
        kind: String::new(),
        pattern: String::new(),
        id: String::new(),
        length: String::new(),
        units: String::new(),
        bytes: String::new(),
        counts_bytes: false,
        data: has_data.then(String::new),
        skipped: String::new(),
    }
}

#[tokio::test]
async fn each_capture_holds_what_its_table_says() {
    let mut captures = 0;
    for entry in fs::read_dir(folder()).expect("captures") {
        let capture = entry.expect("a file").path();
        let is_capture = capture.extension().is_some_and(|end| end == "pcap" || end == "pcapng");
        if !is_capture || capture.ends_with("not-nest.pcap") {
            continue;
        }
        captures += 1;
        let name = capture.display().to_string();
        let table = fs::read_to_string(capture.with_extension("tsv")).expect("a table");
        let expected = expected(&table);
        let printed = run(&["inspect", "--json", &name]).await;
        assert_eq!(printed.status, Some(0), "{name}: {}", printed.stderr);
        let mut found = found(&printed.stdout, table.contains("nest.data"));
        // Where a segment is missing, the dissector does not show the frame that it cuts.
        if !expected.iter().any(|(row, _)| row.is_cut()) {
            found.retain(|(row, _)| !row.is_cut());
        }
        for (index, ((found, latency), (expected, time))) in found.iter().zip(&expected).enumerate() {
            assert_eq!(found, expected, "{name}, row {index}");
            // Bytes behind a segment that is missing have the time at which that is known.
            let is_exact = !capture.ends_with("missing-segment.pcap");
            let differ = latency
                .zip(*time)
                .is_some_and(|(latency, time)| is_exact && (latency - time).abs() > 2e-6);
            assert!(!differ, "{name}, row {index}: {latency:?} and {time:?}");
        }
        assert_eq!(found.len(), expected.len(), "{name}");
    }
    assert!(captures >= 20, "{captures} captures");
}

#[tokio::test]
async fn a_capture_comes_from_a_pipe_too() {
    let capture = fs::read(folder().join("calls.pcap")).expect("a capture");
    let ended = run_with_stdin(&["inspect", "-", "--summary"], &capture).await;
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    assert!(
        ended.stdout.starts_with("31 packets on 1 connection\n"),
        "{}",
        ended.stdout
    );
}

#[tokio::test]
async fn what_is_not_nest_is_named() {
    let path = |file: &str| folder().join(file).display().to_string();
    let other = path("not-nest.pcap");
    let ended = run(&["inspect", &other]).await;
    let message = format!("error: {other}: no Nest frames in 28 packets; TCP ports seen: ");
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(1), ""));
    assert!(
        ended.stderr.starts_with(&message) && ended.stderr.contains("\nhint: --port N "),
        "{}",
        ended.stderr
    );
    let ended = run(&["inspect", &path("tls.pcap")]).await;
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("TLS"), "{}", ended.stdout);
    let snapped = path("snapped.pcap");
    let ended = run(&["inspect", &snapped, "--strict"]).await;
    assert_eq!(ended.status, Some(1));
    let warning = format!(
        "warning: {snapped}: packets are cut by the capture's snap length 130: tcpdump -s 0 captures them whole\n"
    );
    assert_eq!(ended.stderr, warning);
}

#[tokio::test]
async fn a_capture_becomes_a_recording_without_secrets() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("captures-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let file = folder.join("calls.jsonl").display().to_string();
    let capture = self::folder().join("calls.pcap").display().to_string();
    let written = run(&["inspect", &capture, "--mask", "/data", "-o", &file, "--force"]).await;
    assert_eq!(written, Ended::well(""));
    let shown = run(&["inspect", &file, "--kind", "request"]).await;
    assert_eq!(shown.stdout.lines().count(), 12, "{}", shown.stdout);
    assert!(
        shown.stdout.lines().all(|line| line.ends_with("\"***\"")),
        "{}",
        shown.stdout
    );
    fs::remove_dir_all(folder).expect("the folder was ours");
}
