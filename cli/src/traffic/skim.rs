//! A quick look at packets of the usual form, for what only counts them.
//!
//! A packet that is read in full is validated, decoded and copied. A recorder that shows nothing
//! needs its pattern, its id and whether it ends a call: one pass over the text finds those. What is
//! not of the usual form is left to the full reading, which is right for all of it.

use nest_wire::recording::Side;
use serde::{Deserialize, Deserializer, de::IgnoredAny};
use serde_json::value::RawValue;

/// Maximum number of digits of a header that is looked at here.
const MAX_DIGITS: usize = 7;

/// What a packet of the usual form is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Skimmed<'t> {
    /// A request or, without an id, an event. Both are texts of JSON.
    Asked { pattern: &'t str, id: Option<&'t str> },
    /// A reply without an error.
    Answered { id: &'t str, is_final: bool },
}

/// Returns the packet at the start of these bytes, and the length of its frame. Returns `None` if it
/// is not there as a whole, not ASCII, or not of the usual form.
pub(super) fn first(from: Side, bytes: &[u8]) -> Option<(Skimmed<'_>, usize)> {
    let digits = bytes.iter().take(MAX_DIGITS + 1).position(|byte| *byte == b'#')?;
    let header = bytes[..digits].iter().try_fold(0, |length: usize, byte| {
        byte.is_ascii_digit().then(|| length * 10 + usize::from(byte - b'0'))
    })?;
    let end = digits + 1 + header;
    let text = bytes.get(digits + 1..end)?;
    // In ASCII, bytes are UTF-16 units.
    let text = text.is_ascii().then_some(text)?;
    let skimmed = match from {
        Side::Caller => asked(text),
        Side::Service => answered(text),
    };
    Some((skimmed?, end))
}

/// A caller's packet. A member that is there twice, unknown or `null` is not of the usual form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked<'t> {
    #[serde(borrow)]
    pattern: &'t RawValue,
    #[serde(default, rename = "data")]
    _data: IgnoredAny,
    #[serde(default, rename = "metadata")]
    _metadata: IgnoredAny,
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'t RawValue>,
}

/// A service's packet without an error.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answered<'t> {
    #[serde(default, rename = "response")]
    _response: IgnoredAny,
    #[serde(default, rename = "isDisposed")]
    is_disposed: bool,
    #[serde(borrow)]
    id: &'t RawValue,
}

fn asked(text: &[u8]) -> Option<Skimmed<'_>> {
    let asked: Asked<'_> = serde_json::from_slice(text).ok()?;
    let id = match asked.id {
        Some(id) => Some(plain(id)?),
        None => None,
    };
    Some(Skimmed::Asked {
        pattern: asked.pattern.get(),
        id,
    })
}

fn answered(text: &[u8]) -> Option<Skimmed<'_>> {
    let answered: Answered<'_> = serde_json::from_slice(text).ok()?;
    Some(Skimmed::Answered {
        id: plain(answered.id)?,
        is_final: answered.is_disposed,
    })
}

/// Returns the text of a string that Node writes back as it is.
fn plain(id: &RawValue) -> Option<&str> {
    let text = id.get();
    (text.starts_with('"') && !text.contains(['\\', '\u{7f}'])).then_some(text)
}

/// Reads a member that is there: without this, `null` would count as absent.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(text: &str) -> Vec<u8> {
        format!("{}#{text}", text.len()).into_bytes()
    }

    #[test]
    fn a_packet_of_the_usual_form_is_known_by_its_pattern_and_its_id() {
        let asked = frame(r#"{"pattern":{"cmd":"sum"},"data":[1,{"id":2}],"id":"a"}"#);
        let expected = Skimmed::Asked {
            pattern: r#"{"cmd":"sum"}"#,
            id: Some("\"a\""),
        };
        assert_eq!(first(Side::Caller, &asked), Some((expected, asked.len())));
        let event = frame(r#"{"pattern":"log","data":1}"#);
        let expected = Skimmed::Asked {
            pattern: "\"log\"",
            id: None,
        };
        assert_eq!(first(Side::Caller, &event), Some((expected, event.len())));
        let answered = frame(r#"{"response":{"id":1},"isDisposed":true,"id":"a"}"#);
        let expected = Skimmed::Answered {
            id: "\"a\"",
            is_final: true,
        };
        assert_eq!(first(Side::Service, &answered), Some((expected, answered.len())));
    }

    #[test]
    fn anything_else_is_left_to_the_full_reading() {
        for (from, text) in [
            (Side::Caller, r#"{"data":1,"id":"a"}"#),
            (Side::Caller, r#"{"pattern":"a","id":null}"#),
            (Side::Caller, r#"{"pattern":"a","id":7}"#),
            (Side::Caller, r#"{"pattern":"a","id":"\u0061"}"#),
            (Side::Caller, r#"{"pattern":"a","id":"a","id":"b"}"#),
            (Side::Caller, r#"{"pattern":"a","data":"é"}"#),
            (Side::Caller, r#"{"pattern":"a","data":[}"#),
            (Side::Service, r#"{"err":"no","isDisposed":true,"id":"a"}"#),
            (Side::Service, r#"{"isDisposed":1,"id":"a"}"#),
            (Side::Service, r#"{"status":"error","id":"a"}"#),
            (Side::Service, r#"{"response":1}"#),
        ] {
            assert_eq!(first(from, &frame(text)), None, "{text}");
        }
        for bytes in ["", "#", "5", "5#tru", "12345678#", "+4#null", "x#", "4#nul\u{e9}"] {
            assert_eq!(first(Side::Caller, bytes.as_bytes()), None, "{bytes}");
        }
    }
}
