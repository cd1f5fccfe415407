//! JavaScript's `undefined`, beside the values of a type.

use std::{
    fmt::{self, Write},
    marker::PhantomData,
};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, Visitor},
    forward_to_deserialize_any,
};

/// A value, or JavaScript's `undefined`.
///
/// `undefined` and `null` are two things on Nest's wire: `Maybe<Option<T>>` distinguishes them.
///
/// - A handler takes `Maybe<Payload<T>>` or `Maybe<RawJson>`: [`Undefined`](Self::Undefined) if the
///   packet has no `data`. It returns `Maybe<T>` for any `T` that it may return.
/// - `Client::send::<Maybe<T>>` and the client's stream give `Undefined` for a reply without a
///   value.
/// - A service's [`ReplyStream`](crate::server::ReplyStream) may have `Undefined` among its items.
/// - A member of a struct needs `#[serde(default, skip_serializing_if = "Maybe::is_undefined")]`.
///   Elsewhere `Undefined` is written as `null`, as `JSON.stringify` writes it in an array.
///
/// ```
/// use nest_wire::json::{self, Maybe};
///
/// #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
/// struct Change {
///     #[serde(default, skip_serializing_if = "Maybe::is_undefined")]
///     name: Maybe<Option<String>>,
/// }
///
/// let unchanged: Change = json::from_str("{}")?;
/// assert_eq!(unchanged.name, Maybe::Undefined);
/// let removed: Change = json::from_str(r#"{"name":null}"#)?;
/// assert_eq!(removed.name, Maybe::Value(None));
/// assert_eq!(json::to_string(&unchanged)?, "{}");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Maybe<T> {
    /// `undefined`.
    #[default]
    Undefined,
    /// A value, which may be `null` if `T` has it.
    Value(T),
}

impl<T> Maybe<T> {
    /// Returns true for `undefined`.
    #[must_use]
    pub const fn is_undefined(&self) -> bool {
        matches!(self, Self::Undefined)
    }

    /// Returns the value, or `None` for `undefined`.
    #[must_use]
    pub fn into_option(self) -> Option<T> {
        match self {
            Self::Undefined => None,
            Self::Value(value) => Some(value),
        }
    }
}

impl<T> From<Option<T>> for Maybe<T> {
    /// `None` becomes `undefined`.
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Undefined, Self::Value)
    }
}

impl<T: Serialize> Serialize for Maybe<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            // `null`, as everything that is not there; [`is_undefined`] recognises the name.
            Self::Undefined => serializer.serialize_unit_struct(NAME),
            Self::Value(value) => value.serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Maybe<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(NAME, MaybeVisitor(PhantomData))
    }
}

/// Other serializers and deserializers ignore the name; [`is_undefined`] and [`Absent`] recognise
/// it.
const NAME: &str = "$nest_wire::json::Maybe";

struct MaybeVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for MaybeVisitor<T> {
    type Value = Maybe<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or undefined")
    }

    fn visit_none<E>(self) -> Result<Maybe<T>, E> {
        Ok(Maybe::Undefined)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<Maybe<T>, D::Error> {
        T::deserialize(value).map(Maybe::Value)
    }
}

/// Returns what `undefined` is in this type: [`Maybe::Undefined`], `None`, or `()`. Most types have
/// nothing for it.
#[must_use]
pub fn from_undefined<T: DeserializeOwned>() -> Option<T> {
    T::deserialize(Absent).ok()
}

/// The deserializer of a value that is not there.
struct Absent;

impl<'de> Deserializer<'de> for Absent {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(serde::de::Error::custom("there is no value"))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_none()
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_unit()
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        match name {
            NAME => visitor.visit_none(),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf seq tuple tuple_struct map
        struct enum identifier
    }
}

/// Returns true if `value`, which is written as `null`, is [`Maybe::Undefined`].
pub(crate) fn is_undefined<T: Serialize + ?Sized>(value: &T) -> bool {
    let mut name = String::new();
    write!(name, "{}", UnitName(value)).is_ok() && name == NAME
}

/// Shows the name of a unit struct, with serde's serializer for this purpose. Most other values
/// fail to be shown.
struct UnitName<'a, T: ?Sized>(&'a T);

impl<T: Serialize + ?Sized> fmt::Display for UnitName<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.serialize(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Value;
    use crate::json::from_str;

    #[test]
    fn undefined_is_told_from_null_by_types_that_can() {
        assert_eq!(from_undefined(), Some(Maybe::<Option<u8>>::Undefined));
        assert_eq!(from_undefined::<Option<Value>>(), Some(None));
        assert_eq!(from_undefined(), Some(()));
        assert_eq!(from_undefined::<Value>(), None);
        assert_eq!(from_undefined::<serde_json::Value>(), None);
        assert_eq!(from_undefined::<String>(), None);
    }

    #[test]
    fn among_what_is_written_as_null_only_undefined_is_undefined() {
        assert!(is_undefined(&Maybe::<u8>::Undefined));
        assert!(is_undefined(&Box::new(Maybe::<u8>::Undefined)));
        assert!(!is_undefined(&Maybe::Value(None::<u8>)));
        assert!(!is_undefined(&None::<u8>));
        assert!(!is_undefined(&serde_json::Value::Null));
        assert!(!is_undefined(&Value::Null));
        assert!(!is_undefined(&f64::NAN));
        assert!(!is_undefined(&()));
    }

    #[test]
    fn a_value_is_read_as_its_type_reads_it() {
        assert_eq!(from_str::<Maybe<u8>>("1.0").expect("a number"), Maybe::Value(1));
        let value = from_str::<Maybe<Value>>(r#"{"b":1.0,"1":"\ud800"}"#).expect("a value");
        assert_eq!(
            value.into_option().expect("a value").stringify(),
            r#"{"1":"\ud800","b":1}"#
        );
        assert_eq!(from_str::<Maybe<Option<u8>>>("null").expect("null"), Maybe::Value(None));
        from_str::<Maybe<u8>>("null").expect_err("null is not undefined");
    }
}
