//! The column "Nest" of the guide's table of pipes, from Nest's own pipes. The column "serde" is in
//! `tests/it/values/pipes.rs`.

use compat_tests::{Environment, Implementation, package};
use nest_wire_harness::{App, Service};

use crate::edge::Caller;

/// A pipe, a payload, and its result; `None` if the pipe rejects the payload.
const TRANSFORMED: &[(&str, &str, Option<&str>)] = &[
    // A member that the type does not have.
    ("plain", EXTRA, Some(EXTRA)),
    ("whitelist", EXTRA, Some(r#"{"item":"tea","quantity":1}"#)),
    ("forbid", EXTRA, None),
    // The text "12" for a number.
    ("int", r#""12""#, Some("12")),
    ("int", "12", Some("12")),
    ("int", r#""1.5""#, None),
    ("int", r#""12abc""#, None),
    ("int", r#""+5""#, None),
    ("float", r#""1.5""#, Some("1.5")),
    ("float", r#""1e3""#, Some("1000")),
    ("float", r#""NaN""#, None),
    ("float", r#""Infinity""#, None),
    (
        "implicit",
        r#"{"item":"tea","quantity":"12"}"#,
        Some(r#"{"item":"tea","quantity":12}"#),
    ),
    ("plain", r#"{"item":"tea","quantity":"12"}"#, None),
    // The number 5 for a text.
    (
        "implicit",
        r#"{"item":5,"quantity":1}"#,
        Some(r#"{"item":"5","quantity":1}"#),
    ),
    ("plain", r#"{"item":5,"quantity":1}"#, None),
    // Null and a default.
    ("default", "null", Some("7")),
    ("default", "0", Some("0")),
    // Null for a member that may be missing.
    ("plain", WITH_NULL, Some(WITH_NULL)),
    // An array for an object.
    ("plain", r#"["tea",1]"#, None),
    // Constraints that the type does not express.
    ("plain", r#"{"item":"tea","quantity":0}"#, None),
];

const EXTRA: &str = r#"{"item":"tea","quantity":1,"extra":2}"#;
const WITH_NULL: &str = r#"{"item":"tea","quantity":1,"note":null}"#;

/// Starts Nest with its pipes. Returns the service and a caller of it.
async fn pipes() -> (Service, Caller) {
    package::ready("pipes").await;
    let service = Environment::ready()
        .await
        .start(App::Pipes, Implementation::Nest(12), &[])
        .await;
    let caller = Caller::of(service.address()).await;
    (service, caller)
}

#[tokio::test]
async fn nests_pipes_make_of_a_payload_what_the_guide_says() {
    let (_service, mut caller) = pipes().await;
    for (pipe, data, transformed) in TRANSFORMED {
        caller
            .say(&format!(r#"{{"pattern":"{pipe}","data":{data},"id":1}}"#))
            .await;
        let reply = caller.next().await;
        match transformed {
            Some(value) => assert_eq!(
                reply,
                format!(r#"{{"response":{value},"isDisposed":true,"id":1}}"#),
                "{pipe}"
            ),
            None => assert!(reply.starts_with(r#"{"err":{"message":"#), "{pipe} {data}: {reply}"),
        }
    }
}

#[tokio::test]
async fn nests_validation_tells_all_mistakes() {
    let (_service, mut caller) = pipes().await;
    caller
        .say(r#"{"pattern":"plain","data":{"item":5,"quantity":"1"},"id":1}"#)
        .await;
    let reply = caller.next().await;
    assert!(reply.contains("item must be a string"), "{reply}");
    assert!(reply.contains("quantity must be an integer number"), "{reply}");
}
