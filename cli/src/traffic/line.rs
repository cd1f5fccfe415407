//! An entry as a line for people.

use std::fmt;

use anstyle::{AnsiColor, Color, Style};
use nest_wire::recording::Side;
use unicode_width::UnicodeWidthStr;

use super::{
    diagnosis::is_json,
    entry::{Entry, Seen, What},
    packet::Kind,
    text::{cut, printable, time},
};

const CALLER: Style = colored(AnsiColor::Cyan);
const SERVICE: Style = colored(AnsiColor::Magenta);
const HEADER: Style = colored(AnsiColor::Yellow);
const ERROR: Style = colored(AnsiColor::Red);

const fn colored(color: AnsiColor) -> Style {
    Style::new().fg_color(Some(Color::Ansi(color)))
}

/// Width of the columns before the text.
const PATTERN: usize = 22;

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Width {
    /// Texts are cut so that lines fit into this number of columns.
    Columns(usize),
    /// Texts are not cut.
    Unlimited,
    /// Texts are not cut, and JSON is indented over several lines.
    Indented,
}

/// An entry as a line: time, connection, direction, kind, pattern, header, latency, text.
pub(crate) struct Line<'e> {
    pub(crate) entry: &'e Entry,
    pub(crate) width: Width,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Entry {
            at, connection, from, ..
        } = self.entry;
        match at {
            Some(at) => write!(f, "{:>2}.{:06}", at.as_secs(), at.subsec_micros())?,
            None => write!(f, "{:>9}", "-")?,
        }
        let (style, arrow) = match from {
            Side::Caller => (CALLER, '→'),
            Side::Service => (SERVICE, '←'),
        };
        write!(f, " {connection:>2} {style}{arrow}{style:#} ")?;
        match &self.entry.what {
            What::Packet(seen) => self.packet(f, seen),
            What::Opened(address) => write!(f, "{:<11} from {}", "opened", printable(address)),
            What::Failed(reason) => write!(f, "{ERROR}{:<11}{ERROR:#} {}", "failed", printable(reason)),
            What::End => f.write_str("closed"),
            What::Reset => write!(f, "{ERROR}reset{ERROR:#}"),
            What::Missing(0) => write!(f, "{:<11} the capture begins after this connection", "missing"),
            What::Missing(bytes) => write!(
                f,
                "{ERROR}{:<11}{ERROR:#} {bytes} bytes were not captured here",
                "missing"
            ),
            What::Skipped(bytes) => write!(
                f,
                "{:<11} {bytes} bytes before the first frame that can be found",
                "skipped"
            ),
            What::Tls => write!(f, "{:<11} its content cannot be read", "TLS"),
        }
    }
}

impl Line<'_> {
    fn packet(&self, f: &mut fmt::Formatter<'_>, seen: &Seen) -> fmt::Result {
        let kind = if seen.kind.is_error() || seen.why.is_some() {
            ERROR
        } else {
            Style::new()
        };
        let pattern = cut(&printable(seen.pattern.as_deref().unwrap_or_default()), PATTERN);
        let padding = PATTERN - pattern.width();
        let header = cut(&printable(&seen.frame.header), 6);
        let latency = seen.latency.map(time).unwrap_or_default();
        let before = format!(
            "{kind}{:<11}{kind:#} {pattern}{:padding$} {HEADER}{header:<6}{HEADER:#} {latency:>7}",
            seen.kind, ""
        );
        let text = match seen.kind {
            Kind::Broken => seen.frame.text.as_str(),
            _ => seen.payload.as_ref().map_or("", |payload| payload.as_str()),
        };
        let text = match self.width {
            // 9 for the time, 3 for the connection, 3 for the arrow, and the columns above.
            Width::Columns(columns) => cut(
                &printable(head(text, columns)),
                columns.saturating_sub(17 + 12 + PATTERN + 17).max(20),
            ),
            Width::Unlimited => printable(text),
            Width::Indented => indented(text),
        };
        let line = format!("{before}  {text}");
        f.write_str(line.trim_end())?;
        match &seen.why {
            Some(why) => write!(
                f,
                "\n{:10}{}",
                "",
                why.words(&printable(&seen.frame.header), seen.frame.units)
            ),
            None => Ok(()),
        }
    }
}

/// Returns enough of a text for this number of columns: a text may be megabytes.
fn head(text: &str, columns: usize) -> &str {
    text.char_indices()
        .nth(columns + 1)
        .map_or(text, |(end, _)| &text[..end])
}

/// Returns JSON over several lines, its members and numbers as they were sent; any other text as it
/// is. No line is indented by more than `MAX_INDENT` levels: a text may be nested deeply.
fn indented(text: &str) -> String {
    if !is_json(text) {
        return printable(text);
    }
    let mut out = String::from("\n");
    let mut depth = 0;
    let mut characters = text.chars().filter(|character| !character.is_control()).peekable();
    push_indent(&mut out, depth);
    while let Some(character) = characters.next() {
        match character {
            '"' => push_string(&mut out, &mut characters),
            ' ' => {}
            ':' => out.push_str(": "),
            ',' => {
                out.push_str(",\n");
                push_indent(&mut out, depth);
            }
            '{' | '[' => {
                out.push(character);
                while characters.next_if_eq(&' ').is_some() {}
                if let Some(end) = characters.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(end);
                    continue;
                }
                depth += 1;
                out.push('\n');
                push_indent(&mut out, depth);
            }
            '}' | ']' => {
                depth -= 1;
                out.push('\n');
                push_indent(&mut out, depth);
                out.push(character);
            }
            other => out.push(other),
        }
    }
    out.lines()
        .map(|line| printable(line) + "\n")
        .collect::<String>()
        .trim_end()
        .to_owned()
}

const MAX_INDENT: usize = 40;

fn push_indent(out: &mut String, depth: usize) {
    out.extend(std::iter::repeat_n(' ', 10 + 2 * depth.min(MAX_INDENT)));
}

/// Appends a string whose first quote was read.
fn push_string(out: &mut String, characters: &mut impl Iterator<Item = char>) {
    out.push('"');
    while let Some(character) = characters.next() {
        out.push(character);
        match character {
            '"' => return,
            '\\' => out.extend(characters.next()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_indented_as_it_was_sent() {
        let text = r#"{"b" : [1.50,{ },"a\"[{,:"], "a":9007199254740993 }"#;
        let expected = "
          {
            \"b\": [
              1.50,
              {},
              \"a\\\"[{,:\"
            ],
            \"a\": 9007199254740993
          }";
        assert_eq!(indented(text), expected);
        assert_eq!(indented("not\u{1}JSON"), "not\\u{1}JSON");
        assert!(indented(&format!("{}{}", "[".repeat(2000), "]".repeat(2000))).len() < 2000 * 200);
    }
}
