//! A simulation of how calls spread over hosts, for `docs/SCALING.md`: each caller with its one
//! connection, and each call to the less busy of two hosts. The same seed prints the same table.
//!
//! ```sh
//! cargo bench -p nest-wire-benches --bench balance
//! ```

mod balancing;
mod figures;
mod simulation;

use balancing::Balancing;
use simulation::Simulation;

/// Share of the hosts' capacity that the callers use.
const UTILISATION: f64 = 0.6;
/// Calls for each host, after as many that only bring the system into its steady state.
const CALLS_PER_HOST: u32 = 20_000;
const SEED: u64 = 20_261_127;

fn main() {
    println!("{UTILISATION} of the capacity is used; times are in mean durations of a handler\n");
    println!("| callers | hosts | balancing | hosts without calls | busiest host | p50 | p99 | overloaded hosts |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for callers in [3, 30, 1_000] {
        for hosts in [3, 10, 100] {
            for balancing in Balancing::ALL {
                let mut simulation = Simulation::new(callers, hosts, balancing, SEED);
                let warm_up = CALLS_PER_HOST / 10;
                simulation.run(warm_up * hosts as u32);
                simulation.forget();
                simulation.run(CALLS_PER_HOST * hosts as u32);
                println!("| {callers} | {hosts} | {balancing} | {} |", simulation.figures());
            }
        }
    }
}
