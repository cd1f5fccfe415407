//! How much of a peer's text goes into logs and spans.

/// Maximum length of an excerpt in characters.
const MOST: usize = 64;

/// Returns the part of a peer's text that a log or a span should hold: at most 64 characters.
pub(crate) fn truncate_for_log(text: &str) -> &str {
    first_characters(text, MOST)
}

/// Returns the beginning of `text`, with at most `most` characters.
pub(crate) fn first_characters(text: &str, most: usize) -> &str {
    // A text has at most as many characters as bytes: nearly always nothing has to be counted.
    if text.len() <= most {
        return text;
    }
    let end = text.char_indices().nth(most).map_or(text.len(), |(end, _)| end);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_has_64_characters_at_most() {
        for character in ["a", "求", "😀"] {
            assert_eq!(truncate_for_log(&character.repeat(64)), character.repeat(64));
            assert_eq!(truncate_for_log(&character.repeat(65)), character.repeat(64));
        }
        assert_eq!(truncate_for_log(""), "");
    }
}
