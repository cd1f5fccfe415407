//! Each target runs on its corpus and on mutations of it.
//!
//! Every run tries the same inputs, unless `NEST_WIRE_CASES` asks for more mutations or
//! `NEST_WIRE_SEED` for others.

use std::{
    env,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

use nest_wire_fuzz::{Mutator, TARGETS, corpus};

/// Runs a target on its corpus and on `cases` mutations. Prints the input on which it panics.
fn run(name: &str, cases: u64) {
    let (_, target) = TARGETS
        .into_iter()
        .find(|(target, _)| *target == name)
        .expect("a target");
    let corpus = corpus(name);
    let mut mutator = Mutator::new(variable("NEST_WIRE_SEED").unwrap_or(0));
    let mutations = variable("NEST_WIRE_CASES").unwrap_or(0).max(cases);
    let mutated = (0..mutations).map(|_| mutator.mutate(&corpus));
    for input in corpus.clone().into_iter().chain(mutated) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(&input))) {
            eprintln!("{name} fails on b\"{}\"", input.escape_ascii());
            resume_unwind(panic);
        }
    }
}

fn variable(name: &str) -> Option<u64> {
    let value = env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name}={value}: not a number")))
}

#[test]
fn frames_are_read_as_the_oracle_reads_them() {
    run("frame_decoder", 10_000);
}

#[test]
fn packets_hold_what_javascript_finds_in_them() {
    run("packets", 10_000);
}

#[test]
fn json_values_are_what_three_readers_agree_on() {
    run("json_values", 20_000);
}

#[test]
fn routes_lead_to_handlers_of_the_same_route() {
    run("routes", 5_000);
}

#[test]
fn recordings_survive_a_round_trip() {
    run("recordings", 5_000);
}

#[test]
fn a_hostile_caller_gets_one_end_for_each_request() {
    run("server_session", 2_000);
}

#[test]
fn a_hostile_service_ends_each_call_with_its_own_answer() {
    run("client_session", 2_000);
}
