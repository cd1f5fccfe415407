//! What is wrong with the frames of a service, in words: which unit its headers count.

use nest_wire::codec::units;
use serde::de::IgnoredAny;
use serde_json::Deserializer;

/// Maximum number of characters of a header that a message quotes.
const MAX_QUOTED: usize = 32;

/// Returns why the first frame that is not as Nest's is refused, or `None` if all are, or if its
/// text is not whole.
///
/// A length in bytes or in characters equals that in UTF-16 units for most texts: its author meets
/// the difference with the first text that is not.
pub(super) fn framing_fault(received: &[u8]) -> Option<String> {
    let mut rest = received;
    loop {
        let hash = rest.iter().position(|&byte| byte == b'#')?;
        let header = str::from_utf8(&rest[..hash]).ok()?.trim();
        let announced: usize = header.parse().ok()?;
        let text = first_json(&rest[hash + 1..])?;
        let wanted = units(text);
        if announced != wanted {
            return Some(explained(header, announced, text, wanted));
        }
        rest = &rest[hash + 1 + text.len()..];
    }
}

fn explained(header: &str, announced: usize, text: &str, wanted: usize) -> String {
    let quoted: String = header.chars().take(MAX_QUOTED).collect();
    let counted = match announced {
        _ if announced == text.len() => "counts bytes",
        _ if announced == text.chars().count() => "counts characters",
        _ => "is not the length of its text",
    };
    format!("header {quoted:?} {counted}; Nest wants {wanted} UTF-16 units")
}

/// Returns the JSON text that the bytes begin with.
fn first_json(bytes: &[u8]) -> Option<&str> {
    // A number may go on in what has not come yet: a frame of one is no packet anyway.
    if !matches!(bytes.first(), Some(b'{' | b'[' | b'"')) {
        return None;
    }
    let mut values = Deserializer::from_slice(bytes).into_iter::<IgnoredAny>();
    values.next()?.ok()?;
    str::from_utf8(&bytes[..values.byte_offset()]).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_that_a_header_counts_is_named() {
        for (received, expected) in [
            (
                "19#{\"response\":\"求和\"}",
                Some("header \"19\" is not the length of its text; Nest wants 17 UTF-16 units"),
            ),
            (
                "21#{\"response\":\"求和\"}",
                Some("header \"21\" counts bytes; Nest wants 17 UTF-16 units"),
            ),
            (
                "16#{\"response\":\"😀\"}",
                Some("header \"16\" counts characters; Nest wants 17 UTF-16 units"),
            ),
            ("17#{\"response\":\"求和\"}", None),
            ("2#{}4#\"😀\"3#\"求\"", None),
            (
                "2#{}5#\"求\"",
                Some("header \"5\" counts bytes; Nest wants 3 UTF-16 units"),
            ),
            ("21#{\"response\":\"求", None),
            ("HTTP/1.1 400 Bad Request", None),
            ("x#{}", None),
            ("", None),
        ] {
            assert_eq!(framing_fault(received.as_bytes()).as_deref(), expected, "{received}");
        }
    }
}
