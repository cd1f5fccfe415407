//! The parts of a JSON text that nest nothing: strings, numbers, words, and the space between.

use super::{error::ParseError, scan};
use crate::json::value::{
    Value,
    string::{JsString, JsStringBuilder},
};

/// The text, and how far it has been read. `at` always lies on a character's boundary.
pub(super) struct Reader<'t> {
    text: &'t str,
    at: usize,
}

/// What an escape stands for.
enum Escaped {
    Character(char),
    /// Half of a pair.
    Surrogate(u16),
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn offset(&self) -> usize {
        self.at
    }

    /// Skips the ASCII character just seen.
    pub(super) fn skip(&mut self) {
        self.at += 1;
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(super) fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// Skips the bracket just seen, and its counterpart too if that follows at once.
    pub(super) fn open(&mut self, close: u8) -> bool {
        self.at += 1;
        self.skip_space();
        let empty = self.peek() == Some(close);
        self.at += usize::from(empty);
        empty
    }

    /// Returns a member's key, and the colon after it.
    pub(super) fn key(&mut self) -> Result<JsString, ParseError> {
        self.skip_space();
        let key = self.string()?;
        self.skip_space();
        self.expect(b':').map(|()| key)
    }

    pub(super) fn scalar(&mut self) -> Result<Value, ParseError> {
        match self.peek() {
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number().map(Value::Number),
            Some(b't') => self.word("true").map(|()| Value::Bool(true)),
            Some(b'f') => self.word("false").map(|()| Value::Bool(false)),
            Some(b'n') => self.word("null").map(|()| Value::Null),
            _ => Err(self.fault()),
        }
    }

    fn word(&mut self, word: &str) -> Result<(), ParseError> {
        word.bytes().try_for_each(|byte| self.expect(byte))
    }

    fn number(&mut self) -> Result<f64, ParseError> {
        let start = self.at;
        match scan::number(self.text.as_bytes(), start) {
            Ok(end) => self.at = end,
            Err(fault) => {
                self.at = fault;
                return Err(self.fault());
            }
        }
        Ok(self.text[start..self.at]
            .parse()
            .expect("JSON's numbers are among Rust's"))
    }

    pub(super) fn string(&mut self) -> Result<JsString, ParseError> {
        self.expect(b'"')?;
        let plain = self.plain();
        if self.peek() == Some(b'"') {
            self.at += 1;
            return Ok(JsString::from(&self.text[plain]));
        }
        let mut built = JsStringBuilder::default();
        built.push_str(&self.text[plain]);
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => match self.escape()? {
                    Escaped::Character(character) => built.push(character),
                    Escaped::Surrogate(unit) => built.push_surrogate(unit),
                },
                _ => return Err(self.fault()),
            }
            let plain = self.plain();
            built.push_str(&self.text[plain]);
        }
        self.at += 1;
        Ok(built.finish())
    }

    /// Returns the characters up to a quote, an escape or a control character (which JSON refuses).
    fn plain(&mut self) -> std::ops::Range<usize> {
        let start = self.at;
        self.at = scan::plain(self.text.as_bytes(), start);
        start..self.at
    }

    /// Reads the escape whose backslash stands here.
    fn escape(&mut self) -> Result<Escaped, ParseError> {
        self.at += 1;
        let plain = match self.peek() {
            Some(b'u') => {
                self.at += 1;
                let unit = self.four_hex_digits()?;
                return Ok(char::from_u32(u32::from(unit)).map_or(Escaped::Surrogate(unit), Escaped::Character));
            }
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{C}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            _ => return Err(self.fault()),
        };
        self.at += 1;
        Ok(Escaped::Character(plain))
    }

    fn four_hex_digits(&mut self) -> Result<u16, ParseError> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            unit = unit * 16 + digit.ok_or_else(|| self.fault())? as u16;
            self.at += 1;
        }
        Ok(unit)
    }

    fn expect(&mut self, byte: u8) -> Result<(), ParseError> {
        if self.peek() != Some(byte) {
            return Err(self.fault());
        }
        self.at += 1;
        Ok(())
    }

    pub(super) fn end(&self) -> Result<(), ParseError> {
        if self.at == self.text.len() {
            Ok(())
        } else {
            Err(self.fault())
        }
    }

    /// Returns what is wrong with what stands here.
    pub(super) fn fault(&self) -> ParseError {
        ParseError::at(self.text, self.at)
    }
}
