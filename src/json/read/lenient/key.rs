//! An object's key, which may stand for an integer, a `bool` or a variant, as with `serde_json`.

use std::borrow::Cow;

use serde::de::{
    Deserializer, IntoDeserializer, Visitor,
    value::{BorrowedStrDeserializer, StringDeserializer},
};
use serde_json::Error;

use super::text::unescaped;
use crate::json::read::plain::is_plain_string;

pub(super) struct Key<'de>(Cow<'de, str>);

impl<'de> Key<'de> {
    /// Returns the key whose text, with its quotes, is this.
    pub(super) fn of(quoted: &'de str) -> Result<Self, Error> {
        Ok(Self(match is_plain_string(quoted) {
            true => Cow::Borrowed(&quoted[1..quoted.len() - 1]),
            false => Cow::Owned(unescaped(quoted)?),
        }))
    }
}

macro_rules! parsed {
    ($($method:ident $visit:ident $type:ty),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.0.parse::<$type>() {
                Ok(parsed) => visitor.$visit(parsed),
                Err(_) => self.deserialize_any(visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Key<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Cow::Borrowed(key) => visitor.visit_borrowed_str(key),
            Cow::Owned(key) => visitor.visit_string(key),
        }
    }

    parsed! {
        deserialize_bool visit_bool bool,
        deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16, deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64, deserialize_i128 visit_i128 i128,
        deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16, deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64, deserialize_u128 visit_u128 u128,
        deserialize_f32 visit_f32 f32, deserialize_f64 visit_f64 f64
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.0 {
            Cow::Borrowed(key) => BorrowedStrDeserializer::new(key).deserialize_enum(name, variants, visitor),
            Cow::Owned(key) => {
                let key: StringDeserializer<Error> = key.into_deserializer();
                key.deserialize_enum(name, variants, visitor)
            }
        }
    }

    serde::forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}
