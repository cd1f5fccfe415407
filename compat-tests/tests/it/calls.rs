//! The calls that Nest's client makes, for any transport.

use serde_json::{Value, json};

/// Returns calls, each with its key, that are all in flight at once.
pub(crate) fn calls() -> Vec<String> {
    let paced = json!({"values": [1, null, "3"], "ms": 10});
    let calls = [
        ("sum", json!([1, 2.5, -4])),
        ("echo", json!({"b": 1.0, "10": "求和😀", "a": [[], {}, null, ""]})),
        ("context", json!("data")),
        ("ping", json!(0)),
        ("nothing", json!(0)),
        ("nil", json!(0)),
        ("stream", json!([1, null, {"a": 1}])),
        ("stream", json!([])),
        ("stream-slow", paced.clone()),
        ("stream-then-done", paced),
        ("stream-error", json!({"values": [1, 2], "error": "x"})),
        ("stream-error", json!({"values": [], "error": {"code": 1}})),
        ("rpc-error", json!("x")),
        ("rpc-error", json!({"code": 7})),
        ("rpc-error", json!("")),
        ("error", json!(0)),
        ("delay", json!({"ms": 10, "value": "late"})),
        ("dup", json!(0)),
        ("true", json!(0)),
        ("no-such-pattern", json!(0)),
    ];
    let named = calls.map(|(pattern, data)| (json!(pattern), data));
    let others = [
        (json!(42), json!(0)),
        (json!({"cmd": "sum"}), json!([1, 2, 3])),
        (json!({"role": "admin", "cmd": "who"}), json!(0)),
        (json!({"b": 1, "A": {"z": "x\"y", "Y": 2}}), json!(0)),
        (
            json!({"a": 4, "Z": 3, "é": 2, "_v": 1, "Cmd": "get", "service": "users"}),
            json!(0),
        ),
    ];
    let lines = named.into_iter().chain(others).enumerate();
    let line = |op: &str, key: usize, pattern: &Value, data: &Value| {
        json!({"op": op, "key": key, "pattern": pattern, "data": data}).to_string()
    };
    let mut lines: Vec<_> = lines
        .map(|(key, (pattern, data))| line("send", key, &pattern, &data))
        .collect();
    lines.push(line("emit", 1000, &json!("log"), &json!("an event")));
    lines.push(line("emit", 1001, &json!({"no": "such"}), &json!("event")));
    lines.insert(0, json!({"op": "connect"}).to_string());
    lines
}
