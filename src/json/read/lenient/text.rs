//! The text that is read, and the position in it.

use serde::de::{Error as _, Visitor};
use serde_json::Error;

use super::survey::{Survey, is_spelled_as_float};
use crate::json::{
    nesting::MAX_TYPED_DEPTH,
    read::{error::ParseError, grammar::skip, plain::is_plain_string, token::space, unescape},
};

/// The text, its position in it, and what is known of the text.
pub(in crate::json::read) struct Lenient<'de, 's> {
    pub(super) text: &'de str,
    pub(super) at: usize,
    pub(super) depth: usize,
    pub(super) survey: &'s Survey,
}

impl<'de, 's> Lenient<'de, 's> {
    pub(in crate::json::read) fn new(text: &'de str, survey: &'s Survey) -> Self {
        Self {
            at: space(text.as_bytes(), 0),
            text,
            depth: 0,
            survey,
        }
    }

    pub(super) fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    pub(super) fn skip_space(&mut self) {
        self.at = space(self.text.as_bytes(), self.at);
    }

    /// Moves past this character and the white space after it.
    pub(super) fn skip(&mut self) {
        self.at += 1;
        self.skip_space();
    }

    /// Moves past a value and returns its text.
    pub(super) fn slice(&mut self) -> Result<&'de str, Error> {
        let start = self.at;
        self.at = skip(self.text.as_bytes(), start).map_err(|_| self.error("invalid JSON"))?;
        Ok(&self.text[start..self.at])
    }

    /// Adds the position to an error that has none.
    pub(super) fn located(&self, error: Error) -> Error {
        if error.line() > 0 {
            return error;
        }
        let read = &self.text.as_bytes()[..self.at.min(self.text.len())];
        let line = 1 + read.iter().filter(|&&byte| byte == b'\n').count();
        let column = read.iter().rev().take_while(|&&byte| byte != b'\n').count();
        Error::custom(format!("{error} at line {line} column {column}"))
    }

    pub(super) fn error(&self, message: &str) -> Error {
        self.located(Error::custom(message))
    }

    pub(super) fn descend(&mut self) -> Result<(), Error> {
        if self.depth == MAX_TYPED_DEPTH {
            return Err(self.error("nested deeper than 127 levels"));
        }
        self.depth += 1;
        self.skip();
        Ok(())
    }

    /// Ends a container, of which the visitor may not have taken all.
    pub(super) fn ascend(&mut self, close: u8) -> Result<(), Error> {
        self.depth -= 1;
        if self.peek() != close {
            return Err(self.error("trailing characters"));
        }
        self.at += 1;
        Ok(())
    }

    pub(super) fn string<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        let quoted = self.slice()?;
        let visited = if is_plain_string(quoted) {
            visitor.visit_borrowed_str(&quoted[1..quoted.len() - 1])
        } else {
            visitor.visit_string(unescaped(quoted)?)
        };
        visited.map_err(|error| self.located(error))
    }

    pub(super) fn number<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        let text = self.slice()?;
        let visited = match (text.parse::<u64>(), text.parse::<i64>()) {
            (Ok(number), _) => visitor.visit_u64(number),
            (_, Ok(number)) => visitor.visit_i64(number),
            _ => {
                let number = float(text);
                match number.fract() == 0.0 && is_spelled_as_float(text) {
                    true if (0.0..TWO_TO_64).contains(&number) => visitor.visit_u64(number as u64),
                    true if (-TWO_TO_64 / 2.0..0.0).contains(&number) => visitor.visit_i64(number as i64),
                    _ => visitor.visit_f64(number),
                }
            }
        };
        visited.map_err(|error| self.located(error))
    }

    pub(super) fn scan_float(&mut self) -> Result<Option<f64>, Error> {
        match self.peek() {
            b'-' | b'0'..=b'9' => self.slice().map(float).map(Some),
            _ => Ok(None),
        }
    }
}

const TWO_TO_64: f64 = 18_446_744_073_709_551_616.0;

pub(super) fn float(text: &str) -> f64 {
    text.parse().expect("JSON's numbers are among Rust's")
}

/// Returns the characters of a string with escapes; a lone surrogate is U+FFFD.
pub(super) fn unescaped(quoted: &str) -> Result<String, Error> {
    if !quoted.starts_with('"') {
        return Err(Error::custom(ParseError::at(quoted, 0)));
    }
    Ok(unescape::unescaped(quoted).to_string_lossy().into_owned())
}
