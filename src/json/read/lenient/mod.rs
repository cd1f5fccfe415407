//! A deserializer that reads what `serde_json` refuses and `JSON.parse` does not.
//!
//! It serves only texts that a [`Survey`] found valid and unusual; it is not on the path of usual
//! ones.

mod access;
mod key;
mod survey;
mod text;

use serde::de::{Deserializer, Visitor};
use serde_json::Error;

use self::access::{Elements, Fields, Variant};
pub(super) use self::survey::Survey;
pub(super) use self::text::Lenient;
use self::text::float;

/// How `serde_json` asks for the text itself.
const RAW: &str = "$serde_json::private::";

macro_rules! wide_integers {
    ($($method:ident $visit:ident $type:ty),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let text = match self.peek() {
                b'-' | b'0'..=b'9' => self.slice()?,
                _ => return self.deserialize_any(visitor),
            };
            let number = match text.parse::<$type>() {
                Ok(number) => Some(number),
                // The range of the type, as far as an `f64` can express it.
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
