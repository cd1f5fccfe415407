//! Metrics of a shadow. Without a page for them, they cost nothing.

use metrics::counter;

pub(super) fn compared(pattern: &str) {
    counter!("nest_wire_shadow_compared_total", "pattern" => pattern.to_owned()).increment(1);
}

/// Counts a call in which the candidate differs from the primary in a field.
pub(super) fn difference(pattern: &str, pointer: &str) {
    let labels = [("pattern", pattern.to_owned()), ("pointer", pointer.to_owned())];
    counter!("nest_wire_shadow_differences_total", &labels).increment(1);
}

/// Counts a call in which the primary differs from its second answer in a field.
pub(super) fn noise(pattern: &str, pointer: &str) {
    let labels = [("pattern", pattern.to_owned()), ("pointer", pointer.to_owned())];
    counter!("nest_wire_shadow_noise_total", &labels).increment(1);
}

pub(super) fn unanswered(pattern: &str) {
    counter!("nest_wire_shadow_unanswered_total", "pattern" => pattern.to_owned()).increment(1);
}

pub(super) fn skipped(reason: &'static str) {
    counter!("nest_wire_shadow_skipped_total", "reason" => reason).increment(1);
}
