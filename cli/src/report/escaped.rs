//! HTML that is escaped by type: markup comes from our source alone, everything else is escaped.

use std::{
    fmt,
    io::{self, Write},
};

use crate::traffic::text::printable;

/// Writes HTML. Its methods return it, so that they can be chained.
pub(super) struct Html<W>(W);

/// A number, which needs no escaping.
pub(super) trait Number: fmt::Display + Copy {}

impl Number for u32 {}
impl Number for u64 {}
impl Number for usize {}

/// A length or position in a drawing.
#[derive(Clone, Copy)]
pub(super) struct Length(pub(super) f64);

impl Number for Length {}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounded = (self.0 * 10.0).round() / 10.0;
        write!(f, "{rounded}")
    }
}

impl<W: Write> Html<W> {
    pub(super) const fn new(out: W) -> Self {
        Self(out)
    }

    /// Writes markup as it is. No text from elsewhere is `'static`.
    pub(super) fn markup(&mut self, markup: &'static str) -> io::Result<&mut Self> {
        self.0.write_all(markup.as_bytes())?;
        Ok(self)
    }

    /// Writes text between tags; nothing from elsewhere is written into an attribute. Control characters and those that change the direction of a line
    /// are shown as escapes.
    pub(super) fn text(&mut self, text: &str) -> io::Result<&mut Self> {
        let text = printable(text);
        let mut rest = text.as_bytes();
        // Quotes stay: in JSON they are frequent, and between tags harmless.
        while let Some(at) = memchr::memchr3(b'&', b'<', b'>', rest) {
            self.0.write_all(&rest[..at])?;
            self.0.write_all(match rest[at] {
                b'&' => b"&amp;",
                b'<' => b"&lt;",
                _ => b"&gt;",
            })?;
            rest = &rest[at + 1..];
        }
        self.0.write_all(rest)?;
        Ok(self)
    }

    pub(super) fn number(&mut self, number: impl Number) -> io::Result<&mut Self> {
        write!(self.0, "{number}")?;
        Ok(self)
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Html<&mut Vec<u8>>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut Html::new(&mut out)).expect("memory");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn text_cannot_end_an_element_or_begin_one() {
        let text = written(|html| html.text("</script><img src=x onerror=\"a\">&amp;").map(|_| ()));
        assert_eq!(text, "&lt;/script&gt;&lt;img src=x onerror=\"a\"&gt;&amp;amp;");
    }

    #[test]
    fn characters_that_are_not_seen_are_shown_as_escapes() {
        let text = written(|html| html.text("a\u{0}\u{1b}[1m\u{202e}b\u{feff}").map(|_| ()));
        assert_eq!(text, "a\\u{0}\\u{1b}[1m\\u{202e}b\\u{feff}");
    }

    #[test]
    fn lengths_have_one_decimal_at_most() {
        let text = written(|html| {
            html.number(Length(1.0 / 3.0))?
                .markup(" ")?
                .number(Length(12.0))
                .map(|_| ())
        });
        assert_eq!(text, "0.3 12");
    }
}
