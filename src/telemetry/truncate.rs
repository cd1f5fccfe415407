//! How much of what a peer has sent goes into logs and spans.

/// In characters.
const MOST: usize = 64;

/// As much of what a peer has sent as a log or a span should hold: at most 64 characters.
pub(crate) fn truncate_for_log(text: &str) -> &str {
    first_characters(text, MOST)
}

/// Returns at most so many characters of `text`, from its beginning.
pub(crate) fn first_characters(text: &str, most: usize) -> &str {
    // So few bytes are so few characters at most: nearly always there is nothing to count.
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
