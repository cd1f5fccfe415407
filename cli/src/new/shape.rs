//! What values that were recorded have in common: the shape that a type is made of.

use std::collections::BTreeMap;

use nest_wire::json::{Date, Value};

/// Maximum depth of a shape. Deeper values are of any shape.
const MAX_DEPTH: usize = 12;
/// Number of different members from which an object is a map, if most of its members are rare.
const MAP_MEMBERS: usize = 24;
/// The largest integer that JavaScript does not round.
const MAX_INTEGER: f64 = 9_007_199_254_740_991.0;

/// All that is known of some values. Each kind of value is remembered by itself: `null` beside a text
/// makes an optional text, a number beside a text a union.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Shape {
    pub(super) is_null: bool,
    pub(super) is_bool: bool,
    pub(super) number: Option<Number>,
    pub(super) text: Option<Text>,
    pub(super) is_buffer: bool,
    pub(super) array: Option<Box<Self>>,
    pub(super) object: Option<Object>,
    /// Values that are nested too deep to have a type.
    pub(super) is_any: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    Integer,
    Float,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    /// Each text is a date as `Date.prototype.toJSON` writes it.
    Date,
    Any,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Object {
    count: usize,
    members: BTreeMap<String, (usize, Shape)>,
    /// A member's name is no UTF-8, which a struct cannot have.
    has_odd_name: bool,
}

/// The members of an object.
pub(super) enum Members<'s> {
    /// Members by name; true if each object had it.
    Struct(Vec<(&'s str, bool, &'s Shape)>),
    /// The shape of the values of a map.
    Map(Shape),
}

impl Shape {
    /// Adds a value. Numbers count as integers only in `canonical` JSON, as `JSON.stringify` writes it:
    /// `1.0` is an integer for JavaScript but not for serde.
    pub(super) fn add(&mut self, value: &Value, canonical: bool) {
        self.add_at(value, canonical, 0);
    }

    fn add_at(&mut self, value: &Value, canonical: bool, depth: usize) {
        match value {
            _ if depth > MAX_DEPTH => self.is_any = true,
            Value::Null => self.is_null = true,
            Value::Bool(_) => self.is_bool = true,
            Value::Number(number) => {
                let is_integer = canonical && number.fract() == 0.0 && number.abs() <= MAX_INTEGER;
                let new = if is_integer { Number::Integer } else { Number::Float };
                self.number = Some(match self.number {
                    Some(Number::Float) => Number::Float,
                    _ => new,
                });
            }
            Value::String(text) => {
                let is_date = text.as_str().is_some_and(|text| text.parse::<Date>().is_ok());
                self.text = Some(match (self.text, is_date) {
                    (Some(Text::Any), _) | (_, false) => Text::Any,
                    _ => Text::Date,
                });
            }
            Value::Array(items) => {
                let shape = self.array.get_or_insert_default();
                items.iter().for_each(|item| shape.add_at(item, canonical, depth + 1));
            }
            Value::Object(_) if is_buffer(value) => self.is_buffer = true,
            Value::Object(members) => {
                let object = self.object.get_or_insert_default();
                object.count += 1;
                for (name, value) in members {
                    object.has_odd_name |= name.as_str().is_none();
                    let (count, shape) = object.members.entry(name.to_string()).or_default();
                    *count += 1;
                    shape.add_at(value, canonical, depth + 1);
                }
            }
        }
    }

    /// Adds all that is known of other values.
    fn merge(&mut self, other: &Self) {
        self.is_null |= other.is_null;
        self.is_bool |= other.is_bool;
        self.is_buffer |= other.is_buffer;
        self.is_any |= other.is_any;
        self.number = match (self.number, other.number) {
            (Some(Number::Float), _) | (_, Some(Number::Float)) => Some(Number::Float),
            (one, other) => one.or(other),
        };
        self.text = match (self.text, other.text) {
            (Some(Text::Any), _) | (_, Some(Text::Any)) => Some(Text::Any),
            (one, other) => one.or(other),
        };
        if let Some(array) = &other.array {
            self.array.get_or_insert_default().merge(array);
        }
        if let Some(object) = &other.object {
            self.object.get_or_insert_default().merge(object);
        }
    }

    /// Returns true if nothing is known: no value was recorded.
    pub(super) fn is_unknown(&self) -> bool {
        *self == Self::default()
    }

    /// Returns true if each value was an object without members.
    pub(super) fn is_empty_object(&self) -> bool {
        let is_empty = |object: &Object| object.members.is_empty() && !object.has_odd_name;
        let others = Self {
            object: None,
            ..self.clone()
        };
        self.object.as_ref().is_some_and(is_empty) && others.is_unknown()
    }
}

impl Object {
    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.has_odd_name |= other.has_odd_name;
        for (name, (count, shape)) in &other.members {
            let mine = self.members.entry(name.clone()).or_default();
            mine.0 += count;
            mine.1.merge(shape);
        }
    }

    pub(super) fn members(&self) -> Members<'_> {
        let present: usize = self.members.values().map(|(count, _)| count).sum();
        let are_rare = present * 2 < self.count * self.members.len();
        if self.has_odd_name || (self.members.len() >= MAP_MEMBERS && are_rare) {
            let mut values = Shape::default();
            self.members.values().for_each(|(_, shape)| values.merge(shape));
            return Members::Map(values);
        }
        let members = self.members.iter();
        let members = members.map(|(name, (count, shape))| (name.as_str(), *count == self.count, shape));
        Members::Struct(members.collect())
    }
}

/// Returns true for the JSON of a `Buffer`, and nothing else beside it.
fn is_buffer(value: &Value) -> bool {
    let Some(object) = value.as_object() else {
        return false;
    };
    let is_byte = |number: f64| number.fract() == 0.0 && (0.0..=255.0).contains(&number);
    let bytes = object.get("data").and_then(Value::as_array);
    object.len() == 2
        && object.get("type").and_then(Value::as_str) == Some("Buffer")
        && bytes.is_some_and(|bytes| bytes.iter().all(|byte| byte.as_f64().is_some_and(is_byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(values: &[&str]) -> Shape {
        let mut shape = Shape::default();
        for text in values {
            let value = nest_wire::json::parse(text).expect("JSON");
            shape.add(&value, value.stringify() == *text);
        }
        shape
    }

    #[test]
    fn numbers_are_integers_only_if_each_is_one_that_javascript_does_not_round() {
        let number = |values: &[&str]| shape(values).number;
        assert_eq!(number(&["1", "-7", "9007199254740991"]), Some(Number::Integer));
        for other in ["1.5", "1.0", "-0", "1e3", "9007199254740992", "1e300"] {
            assert_eq!(number(&["1", other]), Some(Number::Float), "{other}");
        }
    }

    #[test]
    fn texts_are_dates_only_if_each_is_one() {
        let date = "\"2026-11-25T00:00:00.000Z\"";
        assert_eq!(shape(&[date]).text, Some(Text::Date));
        assert_eq!(shape(&[date, "\"2026-11-25\""]).text, Some(Text::Any));
        assert_eq!(shape(&["\"2026-11-25\"", date]).text, Some(Text::Any));
    }

    #[test]
    fn an_object_with_many_rare_members_is_a_map() {
        let texts: Vec<String> = (0..40).map(|number| format!("{{\"k{number}\":{number}}}")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let shape = shape(&texts);
        let object = shape.object.expect("objects");
        assert!(matches!(object.members(), Members::Map(of) if of.number == Some(Number::Integer)));
    }
}
