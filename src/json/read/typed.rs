//! Reading types as `JSON.parse` would have read their text.
//!
//! `serde_json` reads first: what it accepts costs nothing more. Only a text that it refuses is
//! looked at again.

use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use super::lenient::{Lenient, Survey};

/// Reads a type from JSON text, with JavaScript's view of the text.
///
/// - A lone half of a surrogate pair is U+FFFD in a Rust string.
/// - A whole number is an integer however it is spelled: `1.0`, `1e3`, `-0`.
/// - The last of equal keys counts.
/// - A number that is too large for an `f64` is infinity.
///
/// [`Value`](crate::json::Value), `RawJson` and [`RawValue`](serde_json::value::RawValue) receive
/// the exact text. A type that accepts both an integer and a float (an untagged enum,
/// [`serde_json::Value`]) may receive `1.0` as a float.
///
/// The text is read a second time if the first attempt fails, so a [`Deserialize`] implementation
/// may run twice.
///
/// ```
/// use nest_wire::json;
///
/// #[derive(serde::Deserialize)]
/// struct Item { name: String, count: u32 }
///
/// let item: Item = json::from_str(r#"{"count":1,"name":"half \ud83d","count":1e3}"#)?;
/// assert_eq!((item.name.as_str(), item.count), ("half \u{FFFD}", 1000));
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// # Errors
/// The text is no JSON, does not fit `T`, or nests deeper than 127 levels where `T` looks into it;
/// with line and column in bytes.
#[inline]
pub fn from_str<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, serde_json::Error> {
    match serde_json::from_str(text) {
        Ok(value) => Ok(value),
        Err(error) => again(text, error),
    }
}

#[cold]
#[inline(never)]
fn again<'de, T: Deserialize<'de>>(text: &'de str, error: serde_json::Error) -> Result<T, serde_json::Error> {
    match Survey::of(text) {
        Some(survey) => T::deserialize(&mut Lenient::new(text, &survey)),
        None => Err(error),
    }
}

/// Returns the path to the value that [`from_str`] refuses, such as `items[3].price`; `None` if it
/// refuses nothing.
pub(crate) fn path_of_mismatch<T: DeserializeOwned>(text: &str) -> Option<String> {
    match Survey::of(text) {
        Some(survey) => path::<T, _>(&mut Lenient::new(text, &survey)),
        None => path::<T, _>(&mut serde_json::Deserializer::from_str(text)),
    }
}

fn path<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Option<String> {
    let refused = serde_path_to_error::deserialize::<D, T>(deserializer).err()?;
    Some(refused.path().to_string())
}
