//! Texts as they are shown: times, and what came off the wire.

use std::time::Duration;

use serde::Serialize;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Returns a time with two or three digits: `118 us`, `3.4 ms`, `386 ms`, `1.2 s`.
pub(crate) fn time(time: Duration) -> String {
    let micros = time.as_micros();
    match micros {
        0..1_000 => format!("{micros} us"),
        1_000..100_000 => format!("{:.1} ms", micros as f64 / 1e3),
        100_000..1_000_000 => format!("{} ms", micros / 1_000),
        _ => format!("{:.1} s", micros as f64 / 1e6),
    }
}

/// Returns a time in seconds, with microseconds: what lines for programs have.
pub(crate) fn seconds(time: Duration) -> f64 {
    time.as_micros() as f64 / 1e6
}

/// Returns a line for programs, without its newline.
pub(crate) fn json_line(line: &impl Serialize) -> String {
    serde_json::to_string(line).expect("texts, numbers and JSON can be written")
}

/// Returns a text with its control characters escaped: what comes off the wire must not move the
/// cursor or change colours.
pub(crate) fn printable(text: &str) -> String {
    let is_harmless = |character: char| !character.is_control() && !is_format(character);
    if text.chars().all(is_harmless) {
        return text.to_owned();
    }
    text.chars()
        .flat_map(|character| -> Box<dyn Iterator<Item = char>> {
            match is_harmless(character) {
                true => Box::new(std::iter::once(character)),
                false => Box::new(character.escape_unicode()),
            }
        })
        .collect()
}

/// Characters that change the direction of a line, or are not seen at all.
fn is_format(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Maximum number of characters for each column.
const MAX_CHARACTERS: usize = 4;

/// Returns the text if it is at most `width` columns wide, or else its beginning and `…`.
pub(crate) fn cut(text: &str, width: usize) -> String {
    // Characters without a width may be many.
    let most = width.saturating_mul(MAX_CHARACTERS);
    if text.len() <= most && text.width() <= width {
        return text.to_owned();
    }
    let mut cut = String::new();
    let mut columns = 0;
    for character in text.chars().take(most) {
        columns += character.width().unwrap_or(0);
        if columns >= width {
            break;
        }
        cut.push(character);
    }
    cut + "…"
}

/// Returns the beginning of a text, at most this many bytes, up to a whole character.
pub(crate) fn head(text: &str, bytes: usize) -> &str {
    let ends = text.char_indices().map(|(at, character)| at + character.len_utf8());
    let end = ends.take_while(|end| *end <= bytes).last().unwrap_or(0);
    &text[..end]
}
