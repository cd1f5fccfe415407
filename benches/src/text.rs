//! Random text that is the same on every run.

/// A set of characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    /// Letters of one byte and one UTF-16 unit.
    Ascii,
    /// Chinese: three bytes, one unit.
    Cjk,
    /// Four bytes, two units.
    Emoji,
}

impl Script {
    /// Returns a text of at most this number of bytes, and less than one character shorter.
    #[must_use]
    pub fn text(self, bytes: usize) -> String {
        let mut random = fastrand::Rng::with_seed(5);
        let mut text = String::with_capacity(bytes);
        loop {
            let character = match self {
                Self::Ascii => random.lowercase(),
                Self::Cjk => random.char('\u{4e00}'..='\u{9fa5}'),
                Self::Emoji => random.char('\u{1f300}'..='\u{1f5ff}'),
            };
            if text.len() + character.len_utf8() > bytes {
                return text;
            }
            text.push(character);
        }
    }

    /// Returns such a text as JSON.
    #[must_use]
    pub fn json(self, bytes: usize) -> String {
        format!("\"{}\"", self.text(bytes - 2))
    }
}
