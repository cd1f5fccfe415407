//! A short run of each scenario, with fixed seeds. `cargo run -p nest-wire-chaos --bin chaos` runs
//! for longer.
//!
//! The failure of a round shows the command that runs it again.

use nest_wire_chaos::scenarios::{ALL, Scenario, Setting, report};
use nest_wire_harness::Harness;
use tokio::sync::Semaphore;

/// Number of rounds that run at once. More processes would slow one another down.
static PLACES: Semaphore = Semaphore::const_new(2);

/// Runs a scenario once for each pairing of callers and services.
async fn keeps_its_promises(name: &str, major: u8, seed: u64) {
    let place = PLACES.acquire().await.expect("nobody closes it");
    let harness = Harness::find().expect("a checkout");
    harness.install(&[major], |_| {}).await.expect("npm works");
    let scenario: &Scenario = ALL.iter().find(|scenario| scenario.name == name).expect("a scenario");
    for pairing in scenario.pairings(major) {
        let setting = Setting {
            seed,
            pairing,
            program: env!("CARGO_BIN_EXE_chaos").into(),
            harness: harness.clone(),
        };
        let broken = scenario.run(&setting).await.expect("it starts");
        let again = format!("--bin chaos -- --only {name} --major {major} --round {seed} --pairing '{pairing}'");
        assert!(
            broken.is_empty(),
            "{name} ({pairing}), seed {seed}; again: cargo run -p nest-wire-chaos {again}\n{}",
            report(&broken)
        );
    }
    drop(place);
}

macro_rules! scenarios {
    ($($test:ident $name:literal $major:literal $seed:literal),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                keeps_its_promises($name, $major, $seed).await;
            }
        )*

        #[test]
        fn no_scenario_is_forgotten() {
            let tested = [$($name),*];
            for scenario in ALL {
                assert!(tested.contains(&scenario.name), "{}", scenario.name);
            }
        }
    };
}

scenarios! {
    connections_are_cut_at_random_bytes "cuts" 12 1,
    connections_go_silent "silence" 11 2,
    connections_are_refused "refusals" 10 3,
    one_side_is_slow "slowness" 9 4,
    callers_close_while_answers_come "closing" 12 5,
    the_service_rotates_its_connections "age" 8 6,
    the_service_is_stopped_and_goes_on "stopped" 12 7,
    the_service_is_killed_and_comes_back "killed" 11 8,
    the_service_is_terminated_under_load "terminated" 12 9,
    the_service_runs_out_of_descriptors "descriptors" 12 10,
    one_of_several_hosts_is_lost "hosts" 12 11,
    the_caller_is_stopped_and_goes_on "stopped-caller" 12 12,
}
