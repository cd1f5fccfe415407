//! The metrics example for Prometheus, called by Nest's client.

use std::net::SocketAddr;

use compat_tests::{Environment, ask_client, get};
use serde_json::json;

#[tokio::test]
async fn the_example_s_page_tells_what_nest_has_called() {
    let environment = Environment::ready().await;
    let service = environment
        .start_example_with("metrics", &["--host", "127.0.0.1", "--metrics-port", "0"])
        .await;
    let printed = service.output();
    let page = printed.iter().find_map(|line| line.strip_prefix("metrics on "));
    let page: SocketAddr = page.expect("it says where").parse().expect("an address");

    let call = |key: u8, pattern: &str, data| json!({"op": "send", "key": key, "pattern": pattern, "data": data});
    let calls = [
        call(1, "sum", json!([1, 2])),
        call(2, "sum", json!("no numbers")),
        call(3, "unknown", json!(0)),
    ];
    let lines = calls.map(|call| call.to_string());
    let heard = ask_client(environment, 12, service.address().port(), &lines).await;
    assert_eq!(heard["1"][0], r#"{"key":1,"next":3}"#);

    let metrics = get(page, "/metrics").await;
    for line in [
        r#"nest_wire_server_requests_total{pattern="sum",outcome="ok"} 1"#,
        r#"nest_wire_server_requests_total{pattern="sum",outcome="rejected"} 1"#,
        r#"nest_wire_server_requests_total{pattern="(other)",outcome="no_handler"} 1"#,
        r#"nest_wire_server_request_duration_seconds_count{pattern="sum"} 2"#,
        r#"nest_wire_server_requests_in_flight{pattern="sum"} 0"#,
        "nest_wire_server_connections_total 1",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} in {metrics}");
    }
}
