//! Nest's client against our conformance service: its callers see the same as with Nest's service.

use std::collections::BTreeMap;

use compat_tests::{Environment, Implementation, ask_client, on_each_major};
use nest_wire_harness::App;

use crate::calls::calls;

on_each_major!(the_client_can_not_tell_us_from, cannot_tell);

async fn cannot_tell(major: u8) {
    let environment = Environment::ready().await;
    let nest = heard(environment, major, Implementation::Nest(major)).await;
    let rust = heard(environment, major, Implementation::Rust).await;
    assert_eq!(rust, nest);
    assert_eq!(nest.len(), calls().len());
    assert_eq!(nest["0"], [r#"{"key":0,"next":-0.5}"#, r#"{"key":0,"complete":true}"#]);
}

async fn heard(environment: &Environment, major: u8, make: Implementation) -> BTreeMap<String, Vec<String>> {
    let service = environment.start(App::Conformance, make, &[]).await;
    let heard = ask_client(environment, major, service.address().port(), &calls()).await;
    service.wait_for_line("an event").await.expect("the event is logged");
    heard
}
