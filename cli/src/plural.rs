//! Numbers of things, in words.

/// Returns a number with its noun: `1 packet`, `3 packets`.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}
