//! [`RawJson`] within types that `serde_json` reads.

use serde::de::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::RawJson;

/// Copies the text of one member of the JSON being read. Works only with `serde_json`'s
/// deserialisers, and not inside anything that serde buffers: `#[serde(flatten)]` and untagged
/// enums have already lost the text.
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
