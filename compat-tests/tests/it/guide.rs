//! The claims of `docs/guide`: its recipes (`examples/coming_from_nest`) reply like a guard, a
//! pipe, an interceptor and exception filters of Nest 12.

use compat_tests::{Environment, Implementation};
use nest_wire_harness::App;

use crate::edge::Caller;

/// A pattern, its data and metadata, and the reply.
const CALLS: &[(&str, &str, &str)] = &[
    (
        "secret",
        r#""data":0,"metadata":{"token":"let me in"}"#,
        r#""response":"for let me in""#,
    ),
    ("secret", r#""data":0,"metadata":{"token":"please"}"#, FORBIDDEN),
    ("secret", r#""data":0,"metadata":{"token":7}"#, FORBIDDEN),
    ("secret", r#""data":0"#, FORBIDDEN),
    (
        "ledger",
        r#""data":0,"metadata":{"token":"let me in"}"#,
        r#""response":"all of it""#,
    ),
    ("ledger", r#""data":0"#, FORBIDDEN),
    (
        "order",
        r#""data":{"item":"tea","quantity":2}"#,
        r#""response":"2 x tea""#,
    ),
    (
        "order",
        r#""data":{"quantity":2.5,"item":"milk"}"#,
        r#""response":"2.5 x milk""#,
    ),
    (
        "order",
        r#""data":{"item":"tea","quantity":0}"#,
        r#""err":{"statusCode":400,"message":["quantity must not be less than 1"]}"#,
    ),
    (
        "order",
        r#""data":{"item":"","quantity":-1}"#,
        r#""err":{"statusCode":400,"message":["item should not be empty","quantity must not be less than 1"]}"#,
    ),
    ("double", r#""data":21"#, r#""response":{"data":42}"#),
    ("count", r#""data":1"#, r#""response":{"data":1}"#),
    ("forget", r#""data":0"#, r#""response":{}"#),
    ("book", r#""data":1"#, r#""response":"booked""#),
    ("book", r#""data":7"#, r#""err":{"code":"ROOM_TAKEN","room":7}"#),
    (
        "book",
        r#""data":13"#,
        r#""err":{"status":"error","message":"Internal server error"}"#,
    ),
    ("parse", r#""data":"12""#, r#""response":12"#),
    (
        "parse",
        r#""data":"a""#,
        r#""err":{"status":"error","message":"not a number"}"#,
    ),
];

const FORBIDDEN: &str = r#""err":{"status":"error","message":"Forbidden resource"}"#;

#[tokio::test]
async fn guards_pipes_interceptors_and_filters_answer_as_in_nest() {
    let environment = Environment::ready().await;
    for make in [Implementation::Nest(12), Implementation::Rust] {
        let service = environment.start(App::Guide, make, &[]).await;
        let mut caller = Caller::of(service.address()).await;
        for (pattern, data, answer) in CALLS {
            caller.say(&format!(r#"{{"pattern":"{pattern}",{data},"id":1}}"#)).await;
            caller.hear(&format!(r#"{{{answer},"isDisposed":true,"id":1}}"#)).await;
        }
    }
}
