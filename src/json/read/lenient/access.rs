//! The elements of an array, the members of an object, the variant of an enum.

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};
use serde_json::Error;

use super::key::Key;
use super::text::Lenient;

/// An array's elements, up to its bracket.
pub(super) struct Elements<'a, 'de, 's> {
    reader: &'a mut Lenient<'de, 's>,
}

impl<'a, 'de, 's> Elements<'a, 'de, 's> {
    pub(super) fn new(reader: &'a mut Lenient<'de, 's>) -> Self {
        Self { reader }
    }
}

impl<'de> SeqAccess<'de> for Elements<'_, 'de, '_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        if self.reader.peek() == b']' {
            return Ok(None);
        }
        let element = seed.deserialize(&mut *self.reader)?;
        self.reader.skip_space();
        if self.reader.peek() == b',' {
            self.reader.skip();
        }
        Ok(Some(element))
    }
}

/// An object's members, up to its brace, without those that a later one of the same key replaces.
pub(super) struct Fields<'a, 'de, 's> {
    reader: &'a mut Lenient<'de, 's>,
}

impl<'a, 'de, 's> Fields<'a, 'de, 's> {
    pub(super) fn new(reader: &'a mut Lenient<'de, 's>) -> Result<Self, Error> {
        reader.skip_replaced()?;
        Ok(Self { reader })
    }
}

impl<'de> MapAccess<'de> for Fields<'_, 'de, '_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        if self.reader.peek() == b'}' {
            return Ok(None);
        }
        let key = Key::of(self.reader.slice()?)?;
        let key = seed.deserialize(key).map_err(|error| self.reader.located(error))?;
        self.reader.skip_space();
        Ok(Some(key))
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Error> {
        // The colon.
        self.reader.skip();
        let value = seed.deserialize(&mut *self.reader)?;
        self.reader.end_member()?;
        Ok(value)
    }
}

impl Lenient<'_, '_> {
    fn end_member(&mut self) -> Result<(), Error> {
        self.skip_space();
        if self.peek() == b',' {
            self.skip();
        }
        self.skip_replaced()
    }

    /// Moves past members whose key comes again.
    fn skip_replaced(&mut self) -> Result<(), Error> {
        while self.survey.is_replaced(self.at) {
            self.slice()?;
            self.skip_space();
            self.skip();
            self.slice()?;
            self.skip_space();
            if self.peek() == b',' {
                self.skip();
            }
        }
        Ok(())
    }

    /// Ends the object around a variant.
    pub(super) fn end_variant(&mut self) -> Result<(), Error> {
        self.end_member()?;
        self.ascend(b'}')
    }
}

/// An enum's variant: the only member of an object, or its name alone.
pub(super) struct Variant<'a, 'de, 's> {
    reader: &'a mut Lenient<'de, 's>,
    has_content: bool,
}

impl<'a, 'de, 's> Variant<'a, 'de, 's> {
    pub(super) fn in_object(reader: &'a mut Lenient<'de, 's>) -> Result<Self, Error> {
        reader.skip_replaced()?;
        if reader.peek() == b'}' {
            return Err(reader.error("expected value"));
        }
        Ok(Self {
            reader,
            has_content: true,
        })
    }

    pub(super) fn alone(reader: &'a mut Lenient<'de, 's>) -> Self {
        Self {
            reader,
            has_content: false,
        }
    }

    fn needs_content(&self) -> Result<(), Error> {
        match self.has_content {
            true => Ok(()),
            false => Err(self
                .reader
                .error("invalid type: unit variant, expected a variant with content")),
        }
    }
}

impl<'de> EnumAccess<'de> for Variant<'_, 'de, '_> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self), Error> {
        let name = Key::of(self.reader.slice()?)?;
        let name = seed.deserialize(name).map_err(|error| self.reader.located(error))?;
        if self.has_content {
            self.reader.skip_space();
            // The colon.
            self.reader.skip();
        }
        Ok((name, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de, '_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        match self.has_content {
            true => serde::Deserialize::deserialize(self.reader),
            false => Ok(()),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        self.needs_content()?;
        seed.deserialize(self.reader)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.needs_content()?;
        self.reader.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        self.needs_content()?;
        self.reader.deserialize_map(visitor)
    }
}
