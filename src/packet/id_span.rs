//! Finds the id inside a packet's text.

use std::ops::Range;

use super::PacketError;
use crate::json::{self, ExpectedKey};

const PATTERN: ExpectedKey = ExpectedKey::new("pattern");
const DATA: ExpectedKey = ExpectedKey::new("data");
const ID: ExpectedKey = ExpectedKey::new("id");

/// Returns where the id of a request stands in its text. An event has no id, and neither has a
/// packet with neither pattern nor data, whose members Nest drops.
pub(crate) fn id_in_request(text: &str) -> Result<Option<Range<usize>>, PacketError> {
    let [pattern, data, id] = members(text, &[PATTERN, DATA, ID])?;
    Ok(id.filter(|_| pattern.is_some() || data.is_some()))
}

/// Returns where the id of a reply stands in its text.
pub(crate) fn id_in_reply(text: &str) -> Result<Option<Range<usize>>, PacketError> {
    let [id] = members(text, &[ID])?;
    Ok(id)
}

fn members<const N: usize>(text: &str, keys: &[ExpectedKey; N]) -> Result<[Option<Range<usize>>; N], PacketError> {
    let found = json::members(text, keys).map_err(|source| PacketError::new(text, source))?;
    Ok(found.values.map(|value| value.map(|value| span(text, value))))
}

/// Returns where `part`, which is a slice of `text`, stands in it.
fn span(text: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr() as usize - text.as_ptr() as usize;
    start..start + part.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_found_by_its_key_alone() {
        for (text, id) in [
            (r#"{"pattern":"a","data":{"id":"x"},"id":"x"}"#, Some(r#""x""#)),
            (r#"{"id": 5, "pattern": "\"id\":5", "data": null}"#, Some("5")),
            (r#"{"pattern":"a","\u0069d":"b"}"#, Some(r#""b""#)),
            (r#"{"pattern":"a","id":1,"id":2}"#, Some("2")),
            (r#"{"pattern":"a","data":{"id":"x"}}"#, None),
            (r#"{"id":"x"}"#, None),
        ] {
            let found = id_in_request(text).expect("JSON");
            assert_eq!(found.clone().map(|span| &text[span]), id, "{text}");
        }
        assert_eq!(id_in_reply(r#"{"id":"x"}"#).expect("JSON"), Some(6..9));
        assert!(id_in_reply("{").is_err());
    }
}
