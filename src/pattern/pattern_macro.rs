//! Patterns as literals.

/// Makes a [`Pattern`](crate::pattern::Pattern) of JSON, as [`json!`](crate::json!) makes a value:
/// its members may be of different types.
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
