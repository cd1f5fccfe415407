//! A service that forwards to a real Nest service: callers get the bytes that they would get from
//! Nest itself. `examples/move_one_handler.rs`, which has one handler of its own.

use compat_tests::{Divergences, Environment, Implementation, all_cases, on_each_major, play};
use nest_wire::{
    Compat,
    client::Client,
    forward::forward_to,
    server::{Router, serve},
};
use nest_wire_harness::App;
use tokio_util::task::AbortOnDropHandle;

use super::service::listener;

on_each_major!(callers_cannot_tell_it_from, forwards);

/// Conversations whose caller ends its side before the reply has come back from the other service.
/// Nest's server, and ours, then send no more; a handler of Nest that does not wait has replied by
/// then.
const ENDED_EARLY: [&str; 3] = [
    "log asked for as a message",
    "end after a whole frame",
    "end after several",
];

async fn forwards(major: u8) {
    let environment = Environment::ready().await;
    let nest = Implementation::Nest(major);
    // Two of them: each keeps the notes of its own callers.
    let alone = environment.start(App::Conformance, nest, &[]).await;
    let behind = environment.start(App::Conformance, nest, &[]).await;
    let old_service = Client::new(behind.address().to_string());
    let router = Router::new()
        .fallback(forward_to(old_service))
        .compat(Compat::from_major(major).expect("a major of Nest"));
    let (listener, _) = listener().await;
    let address = listener.local_addrs().expect("bound")[0];
    let _service = AbortOnDropHandle::new(tokio::spawn(serve(listener, router).into_future()));
    let divergences = Divergences::listed();
    let mut faults = Vec::new();
    for case in all_cases() {
        if divergences.reason(&case.name, major).is_some() || ENDED_EARLY.contains(&case.name.as_str()) {
            continue;
        }
        let (theirs, ours) = tokio::join!(play(&case, alone.address()), play(&case, address));
        if !ours.is_like(&theirs, case.order) {
            faults.push(format!(
                "{}: Nest {major} answers {theirs:#?}\nthrough us {ours:#?}",
                case.name
            ));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

#[tokio::test]
async fn a_handler_that_has_moved_answers_and_the_old_service_does_the_rest() {
    let environment = Environment::ready().await;
    let old = environment.start(App::Conformance, Implementation::Nest(12), &[]).await;
    let flags = ["--old", &old.address().to_string()];
    let moving = environment.start_example_with("move_one_handler", &flags).await;
    let client = Client::new(moving.address().to_string());
    // The handler in Rust refuses what Nest would add up to a text.
    let refused = client.send::<f64>("sum", &["a"]).await.expect_err("no numbers");
    assert!(refused.to_string().contains("invalid payload"), "{refused}");
    assert_eq!(client.send::<f64>("sum", &[1, 2]).await.expect("a sum"), 3.0);
    assert_eq!(client.send::<String>("echo", "hello").await.expect("an echo"), "hello");
    client.emit("log", "to the old one").await.expect("it is sent");
    old.wait_for_line("to the old one").await.expect("it is logged");
    // The old service is gone: its part of the calls fails, and says so.
    old.kill().await.expect("it ends");
    assert_eq!(client.send::<f64>("sum", &[1, 2]).await.expect("a sum"), 3.0);
    let error = client.send::<String>("echo", "hello").await.expect_err("nobody");
    assert!(error.to_string().contains("the request cannot be forwarded"), "{error}");
}
