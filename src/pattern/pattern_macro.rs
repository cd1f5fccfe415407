//! Patterns as literals.

/// Returns a [`Pattern`](crate::pattern::Pattern) from JSON, as [`json!`](crate::json!) returns a
/// value: its members may have different types.
///
/// ```
/// use nest_wire::{pattern, pattern::Pattern};
///
/// let version = 2;
/// assert_eq!(pattern!({ "cmd": "sum", "v": version }).to_json(), r#"{"cmd":"sum","v":2}"#);
/// assert_eq!(pattern!("sum"), Pattern::from("sum"));
/// ```
#[macro_export]
macro_rules! pattern {
    ($($json:tt)+) => { $crate::pattern::Pattern::from($crate::json!($($json)+)) };
}
