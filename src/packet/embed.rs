//! [`RawJson`] within types that `serde_json` reads.

use serde::de::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::RawJson;

/// The text of a part of what is read, a copy of it. With `serde_json`'s deserialisers only, and
/// not within what serde buffers on the way: `#[serde(flatten)]` and untagged enums have lost the
/// text by then.
///
/// ```
/// use nest_wire::packet::RawJson;
///
/// #[derive(serde::Deserialize)]
/// struct Envelope { kind: String, body: RawJson }
///
/// let envelope: Envelope = serde_json::from_str(r#"{"kind":"user","body":{"b": 1.0}}"#)?;
/// assert_eq!(envelope.body.as_str(), r#"{"b": 1.0}"#);
/// # assert_eq!(envelope.kind, "user");
/// # Ok::<(), serde_json::Error>(())
/// ```
impl<'de> Deserialize<'de> for RawJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Box::<RawValue>::deserialize(deserializer)?;
        Ok(Self::trusted(String::from(Box::<str>::from(value))))
    }
}
