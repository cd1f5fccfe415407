//! What is wrong with bytes that are not a frame, in words.

use std::fmt;

use serde_json::value::RawValue;

use crate::plural::counted;

/// Why bytes are not a frame of Nest's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Diagnosis {
    /// The header is the text's length in bytes.
    CountsBytes,
    /// The header is the text's length in characters (code points).
    CountsCharacters,
    /// The header is another number than the length of the JSON behind it.
    OtherLength,
    /// The header's length ends inside a character of two units.
    SplitCharacter,
    /// The text is not JSON.
    NotJson,
    /// The header says 0 or less.
    Empty,
    /// There is no header before `#`, or no `#`.
    NoHeader,
    /// There is no header: this is HTTP.
    Http,
    /// The text is longer than tools keep.
    TooLong,
    /// The bytes end inside the frame.
    Cut,
}

impl Diagnosis {
    /// Returns true if the text is a packet all the same: only its header is wrong.
    pub(crate) fn is_of_header_alone(&self) -> bool {
        matches!(self, Self::CountsBytes | Self::CountsCharacters | Self::OtherLength)
    }

    pub(crate) fn no_header(text: &str) -> Self {
        const METHODS: [&str; 7] = ["GET ", "POST ", "PUT ", "HEAD ", "DELETE ", "OPTIONS ", "HTTP/1."];
        match METHODS.iter().any(|method| text.starts_with(method)) {
            true => Self::Http,
            false => Self::NoHeader,
        }
    }

    /// Explains the fault of a frame with this header, whose text has this many units.
    pub(crate) fn words(&self, header: &str, actual: usize) -> impl fmt::Display {
        let wants = format!("Nest wants {actual} UTF-16 units");
        match self {
            Self::CountsBytes => format!(
                "header says {header}, which is its length in bytes; {wants}. Nest would wait for {} more, and end the \
                 connection at the next frame.",
                counted(length(header).unwrap_or(actual).saturating_sub(actual) as u64, "unit")
            ),
            Self::CountsCharacters => {
                format!("header says {header}, which is its length in characters; {wants}.")
            }
            Self::OtherLength => format!(
                "header says {header}; the JSON behind it has {}.",
                counted(actual as u64, "unit")
            ),
            Self::SplitCharacter => format!("header says {header}, which ends inside a character of two UTF-16 units."),
            Self::NotJson => "the text is not JSON; Nest would end the connection.".to_owned(),
            Self::Empty => format!("header says {header}: no JSON is that short."),
            Self::NoHeader => "there is no header: a frame is the length in UTF-16 units, # and JSON.".to_owned(),
            Self::Http => "there is no header: this is HTTP.".to_owned(),
            Self::TooLong => format!("header says {header}: longer than this tool shows."),
            Self::Cut => format!("header says {header}; the bytes end before."),
        }
    }
}

/// Returns the number at the start of a header, as JavaScript's `parseInt` reads it; a negative one
/// is 0.
pub(crate) fn length(header: &str) -> Option<usize> {
    let text = header.trim_start();
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let end = unsigned.find(|c: char| !c.is_ascii_digit()).unwrap_or(unsigned.len());
    let number = match end {
        0 => return None,
        _ => unsigned[..end].parse().unwrap_or(usize::MAX),
    };
    Some(if text.starts_with('-') { 0 } else { number })
}

/// Returns true if these are the first bytes of a TLS handshake.
pub(crate) fn is_tls(bytes: &[u8]) -> bool {
    matches!(bytes, [0x16, 0x03, ..])
}

/// Returns true if these bytes, without a `#` yet, may be the begin of a header.
pub(crate) fn may_be_header(bytes: &[u8]) -> bool {
    let text = bytes.trim_ascii();
    let digits = text.strip_prefix(b"+").unwrap_or(text);
    digits.iter().all(u8::is_ascii_digit)
}

/// Returns where bytes look like a header before JSON: `digits#{` or `digits#[`.
pub(crate) fn header_in(bytes: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'#', bytes).find_map(|hash| {
        let digits = bytes[..hash]
            .iter()
            .rev()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let is_header = (1..=MAX_DIGITS).contains(&digits) && matches!(bytes.get(hash + 1), Some(b'{' | b'['));
        is_header.then_some(hash - digits)
    })
}

/// Returns how many of the last bytes may be the begin of a header.
pub(crate) fn begun_header(bytes: &[u8]) -> usize {
    let digits = bytes.strip_suffix(b"#").unwrap_or(bytes);
    let count = digits
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_digit())
        .count()
        .min(MAX_DIGITS);
    count + (bytes.len() - digits.len()) * usize::from(count > 0)
}

/// Maximum number of digits of a header that is looked for.
const MAX_DIGITS: usize = 9;

/// Returns true if these bytes, which are not UTF-8 as they stand, may be the begin of a character.
pub(crate) fn begins_character(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

pub(crate) fn is_json(text: &str) -> bool {
    serde_json::from_str::<&RawValue>(text).is_ok()
}

/// As [`is_json`], for bytes that may end inside a character.
pub(crate) fn is_json_bytes(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(is_json)
}

/// Explains a text whose first `declared` units, which are `counted` bytes, are not JSON. Returns the
/// number of bytes that belong to it: those of the JSON at its start, or else those up to the next
/// header.
pub(crate) fn explain(bytes: &[u8], declared: usize, counted: usize) -> (usize, Diagnosis) {
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<&RawValue>();
    if let Some(Ok(value)) = values.next() {
        let why = match declared {
            _ if declared == value.get().len() => Diagnosis::CountsBytes,
            _ if declared == value.get().chars().count() => Diagnosis::CountsCharacters,
            _ => Diagnosis::OtherLength,
        };
        return (values.byte_offset(), why);
    }
    let next = header_in(&bytes[1.min(bytes.len())..]);
    (next.map_or(counted, |at| at + 1), Diagnosis::NotJson)
}
