//! An event as a line of JSON: reader and writer (`fixtures/README.md` describes the format).

use std::{io::Write, time::Duration};

use bytes::Bytes;
use serde::Deserialize;

use super::event::{Content, Event, Side};

/// The members of a line. Members that are not known are ignored: later versions may add some.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Line {
    at: Option<f64>,
    connection: Option<u32>,
    from: Option<Side>,
    open: Option<String>,
    failed: Option<String>,
    text: Option<String>,
    hex: Option<String>,
    missing: Option<u64>,
    end: Option<bool>,
    reset: Option<bool>,
}

/// A line that is JSON and not an event, or not JSON.
#[derive(Debug)]
pub(super) enum LineError {
    Json(serde_json::Error),
    Shape(&'static str),
}

const ONE_OF: &str = "an event has one of `open`, `failed`, `text`, `hex`, `missing`, `end` and `reset`";

/// Reads a line, with or without its newline.
pub(super) fn read(line: &[u8]) -> Result<Event, LineError> {
    let line: Line = serde_json::from_slice(line).map_err(LineError::Json)?;
    line.event().map_err(LineError::Shape)
}

impl Line {
    fn event(self) -> Result<Event, &'static str> {
        let at = self.at.map(duration).transpose()?;
        let connection = self.connection.ok_or("an event has a `connection`")?;
        let (implied, content) = self.content()?;
        let from = implied.or(self.from).ok_or("this event has a `from`")?;
        Ok(Event {
            at,
            connection,
            from,
            content,
        })
    }

    /// Returns the action, and its side if only one side can act so.
    fn content(&self) -> Result<(Option<Side>, Content), &'static str> {
        let mut contents = [
            self.open
                .clone()
                .map(|from| (Some(Side::Caller), Content::Opened(from))),
            self.failed
                .clone()
                .map(|why| (Some(Side::Service), Content::Failed(why))),
            self.text
                .as_ref()
                .map(|text| (None, Content::Segment(Bytes::copy_from_slice(text.as_bytes())))),
            self.hex
                .as_ref()
                .map(|hex| unhex(hex))
                .transpose()?
                .map(|bytes| (None, Content::Segment(bytes))),
            self.missing.map(|bytes| (None, Content::Missing(bytes))),
            self.end.filter(|end| *end).map(|_| (None, Content::End)),
            self.reset.filter(|reset| *reset).map(|_| (None, Content::Reset)),
        ]
        .into_iter()
        .flatten();
        match (contents.next(), contents.next()) {
            (Some(content), None) => Ok(content),
            _ => Err(ONE_OF),
        }
    }
}

fn duration(seconds: f64) -> Result<Duration, &'static str> {
    let micros = (seconds * 1e6).round();
    // Rust's conversion saturates, and `at` is written with whole microseconds.
    (0.0..=MAX_MICROS)
        .contains(&micros)
        .then(|| Duration::from_micros(micros as u64))
        .ok_or("`at` is a time in seconds, not negative")
}

/// Up to this number, doubles are exact.
const MAX_MICROS: f64 = 9_007_199_254_740_992.0;

fn unhex(hex: &str) -> Result<Bytes, &'static str> {
    let digit = |digit: &u8| char::from(*digit).to_digit(16);
    let pairs = hex.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => u8::try_from(digit(high)? * 16 + digit(low)?).ok(),
            _ => None,
        })
        .collect::<Option<Bytes>>()
        .ok_or("`hex` is not pairs of hexadecimal digits")
}

/// Appends the line of an event, with its newline.
pub(super) fn write(event: &Event, out: &mut Vec<u8>) {
    out.push(b'{');
    if let Some(at) = event.at {
        append(out, format_args!("\"at\":{}.{:06},", at.as_secs(), at.subsec_micros()));
    }
    append(out, format_args!("\"connection\":{}", event.connection));
    let from = event.from;
    match &event.content {
        Content::Opened(address) => member(out, "open", address),
        Content::Failed(reason) => member(out, "failed", reason),
        Content::Segment(bytes) => {
            append(out, format_args!(",\"from\":\"{from}\""));
            segment(out, bytes);
        }
        Content::Missing(bytes) => append(out, format_args!(",\"from\":\"{from}\",\"missing\":{bytes}")),
        Content::End => append(out, format_args!(",\"from\":\"{from}\",\"end\":true")),
        Content::Reset => append(out, format_args!(",\"from\":\"{from}\",\"reset\":true")),
    }
    out.extend_from_slice(b"}\n");
}

/// Writes bytes as `text` if they are UTF-8, else as `hex`.
fn segment(out: &mut Vec<u8>, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(text) => member(out, "text", text),
        Err(_) => {
            out.extend_from_slice(b",\"hex\":\"");
            out.extend(
                bytes
                    .iter()
                    .flat_map(|byte| [hex_digit(byte >> 4), hex_digit(byte & 15)]),
            );
            out.push(b'"');
        }
    }
}

const fn hex_digit(nibble: u8) -> u8 {
    b"0123456789abcdef"[nibble as usize]
}

fn member(out: &mut Vec<u8>, key: &str, value: &str) {
    append(out, format_args!(",\"{key}\":"));
    serde_json::to_writer(out, value).expect("memory can be written to, and text is JSON");
}

fn append(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("memory can be written to");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(event: &Event) -> String {
        let mut line = Vec::new();
        write(event, &mut line);
        String::from_utf8(line).expect("text")
    }

    #[test]
    fn each_action_has_a_line_of_its_own_which_reads_back() {
        let segment = |bytes| Content::Segment(Bytes::from_static(bytes));
        for (from, content, line) in [
            (
                Side::Caller,
                Content::Opened("[::1]:5".to_owned()),
                r#""open":"[::1]:5""#,
            ),
            (
                Side::Service,
                Content::Failed("refused".to_owned()),
                r#""failed":"refused""#,
            ),
            (
                Side::Caller,
                segment("2#\"求".as_bytes()),
                r##""from":"caller","text":"2#\"求""##,
            ),
            (
                Side::Service,
                segment(b"\x80#\xff"),
                r#""from":"service","hex":"8023ff""#,
            ),
            (
                Side::Service,
                Content::Missing(1448),
                r#""from":"service","missing":1448"#,
            ),
            (Side::Service, Content::End, r#""from":"service","end":true"#),
            (Side::Caller, Content::Reset, r#""from":"caller","reset":true"#),
        ] {
            let event = Event::new(2, from, content).at(Duration::from_micros(1_000_412));
            let expected = format!("{{\"at\":1.000412,\"connection\":2,{line}}}\n");
            assert_eq!(written(&event), expected);
            assert_eq!(read(expected.as_bytes()).expect("an event"), event);
        }
    }

    #[test]
    fn an_event_without_a_time_and_with_members_that_are_not_known_is_read() {
        let line = br#"{"later":[1],"connection":1,"from":"caller","end":true}"#;
        let event = read(line).expect("an event");
        assert_eq!(event, Event::new(1, Side::Caller, Content::End));
    }

    #[test]
    fn a_line_that_is_no_event_is_refused() {
        for (line, error) in [
            (r#"{"from":"caller","end":true}"#, "`connection`"),
            (r#"{"connection":1,"end":true}"#, "`from`"),
            (r#"{"connection":1,"from":"caller"}"#, "one of"),
            (r#"{"connection":1,"from":"caller","end":false}"#, "one of"),
            (r#"{"connection":1,"from":"caller","text":"a","hex":"61"}"#, "one of"),
            (r#"{"connection":1,"from":"caller","hex":"8"}"#, "`hex`"),
            (r#"{"connection":1,"from":"caller","hex":"+8"}"#, "`hex`"),
            (r#"{"connection":1,"from":"caller","end":true,"at":-1}"#, "`at`"),
        ] {
            match read(line.as_bytes()) {
                Err(LineError::Shape(reason)) => assert!(reason.contains(error), "{line}: {reason}"),
                other => panic!("{line}: {other:?}"),
            }
        }
    }
}
