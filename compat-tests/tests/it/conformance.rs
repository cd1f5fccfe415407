//! For any bytes that a peer sends, our conformance service replies with the same bytes as Nest's.

use std::net::SocketAddr;

use compat_tests::{Case, Divergences, Environment, Heard, Implementation, all_cases, on_each_major, play};
use nest_wire_harness::{App, Service};

on_each_major!(every_case_is_answered_as_by, answers_are_the_same);

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
compat_tests::on_each_node!(every_case_is_answered_as_by_nest_12_on, answers_are_the_same_on);

async fn answers_are_the_same(major: u8) {
    let environment = Environment::ready().await;
    let nest = environment
        .start(App::Conformance, Implementation::Nest(major), &[])
        .await;
    compare(environment, nest, major).await;
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
async fn answers_are_the_same_on(node: compat_tests::Node) {
    let environment = Environment::ready().await;
    let nest = environment.start_on_node(&node, App::Conformance, &[]).await;
    compare(environment, nest, 12).await;
}

async fn compare(environment: &Environment, nest: Service, major: u8) {
    let like_it = ["--nest", &major.to_string()];
    let rust = environment
        .start(App::Conformance, Implementation::Rust, &like_it)
        .await;
    let divergences = Divergences::listed();
    let mut faults = Vec::new();
    let cases = all_cases();
    for case in &cases {
        let (theirs, ours) = both(case, nest.address(), rust.address()).await;
        let differ = !ours.is_like(&theirs, case.order);
        match (differ, divergences.reason(&case.name, major)) {
            (true, None) => faults.push(format!(
                "{}: Nest {major} answers {theirs:#?}\nwe answer {ours:#?}",
                case.name
            )),
            (false, Some(reason)) => faults.push(format!("{}: no difference, though {reason}", case.name)),
            _ => {}
        }
    }
    let unknown = divergences
        .cases(major)
        .filter(|name| !cases.iter().any(|case| case.name == *name));
    faults.extend(unknown.map(|name| format!("{name}: a divergence without a case")));
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
    let (ours, theirs) = tokio::join!(rust.into_output(), nest.into_output());
    let printed = |lines: std::io::Result<Vec<String>>| -> Vec<String> {
        let mut lines = lines.expect("ended");
        // An event has no reply to wait for, so the next case, on a connection of its own, may
        // overtake it.
        lines.sort();
        lines
    };
    assert_eq!(printed(ours), printed(theirs), "what the handlers printed");
}

/// Plays a case to both services. The cases run one after the other, so each finds the state that
/// the previous one left.
async fn both(case: &Case, nest: SocketAddr, rust: SocketAddr) -> (Heard, Heard) {
    tokio::join!(play(case, nest), play(case, rust))
}
