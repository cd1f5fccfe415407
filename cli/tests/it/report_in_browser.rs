//! Pages of `nest-wire report` in a real Chromium, which npm ships.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::path::PathBuf;

use nest_wire_harness::Harness;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::{
    command::run,
    running::{folder, path},
    traffic::Traffic,
};

/// Makes the page of a recording, opens it, types words into its filter and clicks a bar. Returns
/// what was seen.
async fn look(test: &str, traffic: Traffic, words: &str) -> Value {
    let programs = browser().await;
    let folder = folder(test);
    let (file, page) = (path(&folder, "calls.jsonl"), path(&folder, "page.html"));
    traffic.write(&file);
    let ended = run(&["report", &file, "-o", &page]).await;
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    let mut node = Command::new("node");
    node.arg(programs.join("look.mjs"))
        .args([&page, words])
        .kill_on_drop(true);
    let output = node.output().await.expect("node runs");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    serde_json::from_slice(&output.stdout).expect("a line of JSON")
}

async fn browser() -> PathBuf {
    let harness = Harness::find().expect("a checkout");
    harness.install_browser().await.expect("the browser is installed")
}

/// Asserts what holds for every page: it loads nothing, runs nothing strange and has no complaints.
fn assert_calm(seen: &Value) {
    assert_eq!(seen["console"], json!([]), "{seen:#}");
    assert_eq!(seen["requests"], json!([]), "{seen:#}");
    assert_eq!(seen["strangers"], json!([]), "{seen:#}");
    assert_eq!(seen["scripts"], 1, "{seen:#}");
    assert_eq!(seen["hashes"], json!({"style": "named", "script": "named"}), "{seen:#}");
    assert_eq!(seen["without_scripts"]["requests"], json!([]), "{seen:#}");
    assert_eq!(seen["without_scripts"]["filter_visible"], false, "{seen:#}");
    assert_eq!(seen["without_scripts"]["rows"], seen["rows"], "{seen:#}");
}

#[tokio::test]
async fn a_reader_sees_filters_and_follows_links() {
    let mut traffic = Traffic::new();
    for call in 0..30 {
        traffic.call(call, "user.find").after(200);
    }
    traffic.caller(r#"{"pattern":"log","data":"hello"}"#).after(5);
    traffic.caller(r#"{"pattern":"user.find","data":99,"id":"x"}"#).after(5);
    traffic.service(r#"{"err":{"message":"No such user"},"isDisposed":true,"id":"x"}"#);
    let seen = look("browser-reader", traffic, "no SUCH user.find").await;
    assert_calm(&seen);
    assert_eq!(seen["title"], "calls.jsonl");
    assert_eq!(
        (&seen["rows"], &seen["bars"], &seen["dots"]),
        (&json!(63), &json!(31), &json!(1))
    );
    assert_eq!(seen["filter"], json!({"shown": 1, "output": "1 of 63", "again": true}));
    assert_eq!(seen["light"], "rgb(28, 28, 30) on rgb(255, 255, 255)");
    assert_eq!(seen["dark"], "rgb(231, 231, 234) on rgb(24, 24, 27)");
    for click in [&seen["click"], &seen["without_scripts"]["click"]] {
        assert_eq!(
            (&click["hash"], &click["in_sight"]),
            (&json!("#p62"), &json!(true)),
            "{seen:#}"
        );
    }
}

#[tokio::test]
async fn hostile_payloads_do_nothing_in_a_browser() {
    let hostile = "</script></style></title><script>alert(1)</script><img src=http://example.invalid/x \
                   onerror=alert(2)><svg onload=alert(3)><base href=//example.invalid><form><iframe src=javascript:alert(4)>\
                   \\\" style=\\\"x \u{202e} ${alert(5)} {{6}} <!--";
    let mut traffic = Traffic::new();
    traffic.about.insert("to".to_owned(), hostile.to_owned());
    traffic.caller(&format!(
        r#"{{"pattern":"{hostile}","data":"{hostile}","metadata":"{hostile}","id":1}}"#
    ));
    traffic.service(&format!(r#"{{"response":"{hostile}","id":1}}"#));
    traffic.service(&format!(r#"{{"err":"{hostile}","isDisposed":true,"id":1}}"#));
    traffic.bytes(nest_wire::recording::Side::Caller, format!("7{hostile}#{hostile}"));
    let seen = look("browser-hostile", traffic, "</SCRIPT> alert(4)>").await;
    assert_calm(&seen);
    assert!(seen["rows"].as_u64() >= Some(4), "{seen:#}");
    assert!(seen["filter"]["shown"].as_u64() >= Some(3), "{seen:#}");
    let row = seen["click"]["row"].as_str().expect("a row");
    assert!(
        row.contains("<img src=http://example.invalid/x onerror=alert(2)>"),
        "{row}"
    );
}

#[tokio::test]
async fn a_hundred_thousand_packets_open() {
    let mut traffic = Traffic::new();
    for call in 0..50_000 {
        traffic.call(call, ["sum", "user.find", "order.create"][call % 3]);
    }
    let seen = look("browser-many", traffic, r#"{"number":49999}"#).await;
    assert_calm(&seen);
    assert_eq!(seen["rows"], 100_000);
    assert_eq!(seen["filter"]["output"], "1 of 100000");
    assert_eq!(seen["click"]["in_sight"], true, "{seen:#}");
    // Not how long that took: other tests run at the same time. A machine without other work needs
    // less than 3 s, which `--nocapture` shows.
    println!(
        "painted after {} s, renderer {} s",
        seen["seconds"], seen["renderer_seconds"]
    );
}
