//! Counting allocations, in this process.

use allocation_counter::measure;
use nest_wire_benches::counted::Work;

/// How many allocations one run of the work makes, once it is warm.
pub(crate) fn per_run(work: &Work) -> f64 {
    measure(work.prepared()).count_total as f64
}
