//! Counting allocations, in this process.

use std::thread;

use allocation_counter::measure;
use nest_wire_benches::counted::Work;

/// How many allocations one run of the work makes, once it is warm.
///
/// It has a thread of its own: work may bring its own runtime, which must not be within another one.
pub(crate) fn per_run(work: &Work) -> f64 {
    let counted = thread::scope(|scope| scope.spawn(|| measure(work.prepared()).count_total).join());
    counted.expect("the work can be done") as f64
}
