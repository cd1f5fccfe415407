//! Text to be sent: random, and the same on every run.

/// Which characters.
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
    /// A text of at most so many bytes, less than one character short of it.
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

    /// Such a text as JSON.
    #[must_use]
    pub fn json(self, bytes: usize) -> String {
        format!("\"{}\"", self.text(bytes - 2))
    }
}
