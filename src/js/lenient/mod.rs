//! A deserializer that reads what `serde_json` refuses and `JSON.parse` does not.
//!
//! It serves only texts that a [`Survey`] found valid and unusual; it is not on the path of usual ones.

mod access;
mod key;
mod survey;

use serde::de::{DeserializeSeed, Deserializer, Error as _, Visitor};
use serde_json::Error;

use self::access::{Elements, Fields, Variant};
pub(super) use self::survey::Survey;
use super::pass;
use super::reader::Reader;

/// Maximum number of arrays and objects that are open at once: `serde_json`'s own limit.
const MAX_TYPED_DEPTH: usize = 127;
/// How `serde_json` asks for the text itself.
const RAW: &str = "$serde_json::private::";

/// The text, its position in it, and what is known of the text.
pub(super) struct Lenient<'de, 's> {
    text: &'de str,
    at: usize,
    depth: usize,
    survey: &'s Survey,
}

impl<'de, 's> Lenient<'de, 's> {
    pub(super) fn new(text: &'de str, survey: &'s Survey) -> Self {
        Self {
            at: pass::space(text.as_bytes(), 0),
            text,
            depth: 0,
            survey,
        }
    }

    fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    fn skip_space(&mut self) {
        self.at = pass::space(self.text.as_bytes(), self.at);
    }

    /// Moves past this character and the white space after it.
    fn skip(&mut self) {
        self.at += 1;
        self.skip_space();
    }

    /// Moves past a value and returns its text.
    fn slice(&mut self) -> Result<&'de str, Error> {
        let start = self.at;
        self.at = pass::value(self.text.as_bytes(), start).map_err(|_| self.error("invalid JSON"))?;
        Ok(&self.text[start..self.at])
    }

    /// Adds the position to an error that has none.
    fn located(&self, error: Error) -> Error {
        if error.line() > 0 {
            return error;
        }
        let read = &self.text.as_bytes()[..self.at.min(self.text.len())];
        let line = 1 + read.iter().filter(|&&byte| byte == b'\n').count();
        let column = read.iter().rev().take_while(|&&byte| byte != b'\n').count();
        Error::custom(format!("{error} at line {line} column {column}"))
    }

    fn error(&self, message: &str) -> Error {
        self.located(Error::custom(message))
    }

    fn descend(&mut self) -> Result<(), Error> {
        if self.depth == MAX_TYPED_DEPTH {
            return Err(self.error("nested deeper than 127 levels"));
        }
        self.depth += 1;
        self.skip();
        Ok(())
    }

    /// Ends a container, of which the visitor may not have taken all.
    fn ascend(&mut self, close: u8) -> Result<(), Error> {
        self.depth -= 1;
        if self.peek() != close {
            return Err(self.error("trailing characters"));
        }
        self.at += 1;
        Ok(())
    }

    fn string<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        let quoted = self.slice()?;
        let visited = if pass::is_plain_string(quoted) {
            visitor.visit_borrowed_str(&quoted[1..quoted.len() - 1])
        } else {
            visitor.visit_string(unescaped(quoted)?)
        };
        visited.map_err(|error| self.located(error))
    }

    fn number<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
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

    fn scan_float(&mut self) -> Result<Option<f64>, Error> {
        match self.peek() {
            b'-' | b'0'..=b'9' => self.slice().map(float).map(Some),
            _ => Ok(None),
        }
    }
}

const TWO_TO_64: f64 = 18_446_744_073_709_551_616.0;

fn float(text: &str) -> f64 {
    text.parse().expect("JSON's numbers are among Rust's")
}

fn is_spelled_as_float(text: &str) -> bool {
    text.contains(['.', 'e', 'E'])
}

/// Returns the characters of a string with escapes; a lone surrogate is U+FFFD.
fn unescaped(quoted: &str) -> Result<String, Error> {
    let text = Reader::new(quoted).string().map_err(Error::custom)?;
    Ok(text.to_string_lossy().into_owned())
}

macro_rules! wide_integers {
    ($($method:ident $visit:ident $type:ty),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let text = match self.peek() {
                b'-' | b'0'..=b'9' => self.slice()?,
                _ => return self.deserialize_any(visitor),
            };
            let number = match text.parse::<$type>() {
                Ok(number) => Some(number),
                // The range of the type, as far as an `f64` can tell.
                Err(_) => Some(float(text)).filter(|number| {
                    let is_whole = number.fract() == 0.0;
                    is_whole && (<$type>::MIN as f64..<$type>::MAX as f64).contains(number)
                }).map(|number| number as $type),
            };
            let visited = match number {
                Some(number) => visitor.$visit(number),
                None => visitor.visit_f64(float(text)),
            };
            visited.map_err(|error| self.located(error))
        }
    )*};
}

impl<'de> Deserializer<'de> for &mut Lenient<'de, '_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.peek() {
            b'n' => self.slice().and_then(|_| visitor.visit_unit()),
            b't' => self.slice().and_then(|_| visitor.visit_bool(true)),
            b'f' => self.slice().and_then(|_| visitor.visit_bool(false)),
            b'"' => self.string(visitor),
            b'[' => {
                self.descend()?;
                let visited = visitor.visit_seq(Elements::new(self));
                visited.and_then(|value| self.ascend(b']').map(|()| value))
            }
            b'{' => {
                self.descend()?;
                let visited = Fields::new(self).and_then(|fields| visitor.visit_map(fields));
                visited.and_then(|value| self.ascend(b'}').map(|()| value))
            }
            _ => self.number(visitor),
        }
        .map_err(|error| self.located(error))
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.scan_float()? {
            Some(number) => visitor.visit_f64(number).map_err(|error| self.located(error)),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_f64(visitor)
    }

    wide_integers! { deserialize_i128 visit_i128 i128, deserialize_u128 visit_u128 u128 }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.peek() {
            b'n' => self.slice().and_then(|_| visitor.visit_none()),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Error> {
        if name.starts_with(RAW) {
            let text = self.slice()?;
            return serde_json::Deserializer::from_str(text).deserialize_newtype_struct(name, visitor);
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.peek() {
            b'{' => {
                self.descend()?;
                let visited = visitor.visit_enum(Variant::in_object(self)?);
                visited.and_then(|value| self.end_variant().map(|()| value))
            }
            b'"' => visitor.visit_enum(Variant::alone(self)),
            _ => Err(self.error("expected a string or an object with one member")),
        }
        .map_err(|error| self.located(error))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.slice().and_then(|_| visitor.visit_unit())
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map
        struct identifier
    }
}

#[cfg(test)]
mod tests;
