//! Counts allocations in this process.

use std::thread;

use allocation_counter::measure;
use nest_wire_benches::counted::Work;

/// Returns the number of allocations of one warm run of the work.
///
/// The work has a thread of its own: it may start its own runtime, which must not be within another
/// one.
pub(crate) fn per_run(work: &Work) -> f64 {
    let counted = thread::scope(|scope| scope.spawn(|| measure(work.prepared()).count_total).join());
    counted.expect("the work can be done") as f64
}
