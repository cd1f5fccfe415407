//! Any value that JSON can carry, with JavaScript's idea of numbers, strings and objects.

mod array;
pub(super) mod builder;
mod convert;
mod embed;
mod json_macro;
pub(super) mod object;
pub(super) mod string;

use std::{collections::BTreeMap, fmt, ops::Index};

use indexmap::IndexMap;

use self::string::JsString;
use crate::json::write::number::number_to_string;

/// What `JSON.parse` can give.
///
/// It is made from Rust's own types with `From`, from text with [`parse`](crate::json::parse()),
/// and with `serde` through [`serde_json`] (and through `serde_json` only: the exact text goes by
/// way of [`serde_json::value::RawValue`], which other formats don't know).
///
/// Cloning, comparing and dropping a value need the same stack however deep it is nested.
///
/// ```
/// use nest_wire::json::{Object, Value};
///
/// let sum: Object = [("cmd", "sum")].into_iter().collect();
/// let value = Value::from(vec![Value::from(sum), Value::from(1.0), Value::Null]);
/// assert_eq!(value.stringify(), r#"[{"cmd":"sum"},1,null]"#);
/// assert_eq!(value.as_array().map(|elements| elements.len()), Some(3));
/// ```
#[derive(Default)]
pub enum Value {
    /// `null`.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number. JSON text can spell infinity (`1e999`), but `null` is written for it, as for NaN.
    Number(f64),
    /// A string, which may hold lone surrogates.
    String(JsString),
    /// An array.
    Array(Array),
    /// An object, its members in JavaScript's order.
    Object(Object),
}

/// The elements of an array.
///
/// It is used as the `Vec` it derefs to; being a type of its own it can take nested values apart
/// one by one when dropped, where a plain `Vec<Value>` would recurse.
///
/// ```
/// use nest_wire::json::{Array, Value};
///
/// let mut array: Array = [1, 2].into_iter().map(Value::from).collect();
/// array.push(Value::from("three"));
/// assert_eq!(array.len(), 3);
/// assert_eq!(Value::from(array).stringify(), r#"[1,2,"three"]"#);
/// ```
#[derive(Clone, Default, PartialEq)]
pub struct Array(pub(super) Vec<Value>);

/// An object's members.
///
/// Keys that are array indices (`"0"` to `"4294967294"`, without leading zeros) come first, in
/// ascending order; the others follow as they were inserted. A key given again keeps its place and
/// takes the new value. `__proto__` is a key like any other, as it is to `JSON.parse`.
///
/// Two objects are equal when they have equal members, in whatever order.
///
/// ```
/// use nest_wire::json::{Object, Value};
///
/// let object: Object = [("b", 1), ("10", 2), ("9", 3), ("b", 4)].into_iter().collect();
/// assert_eq!(object.get("b"), Some(&Value::from(4)));
/// assert_eq!(Value::from(object).stringify(), r#"{"9":3,"10":2,"b":4}"#);
/// ```
#[derive(Clone, Default)]
pub struct Object {
    /// Boxed, since a [`Value`] should stay small; absent until the first member comes.
    pub(super) members: Option<Box<ObjectMembers>>,
}

#[derive(Clone, Default)]
pub(super) struct ObjectMembers {
    /// By the index that the key spells. A tree, so that descending keys don't cost a shift each.
    pub(super) indexed: BTreeMap<u32, (JsString, Value)>,
    pub(super) named: IndexMap<JsString, Value>,
}

impl Value {
    /// Returns true if this is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Returns the boolean, if it is one.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(flag) => Some(*flag),
            _ => None,
        }
    }

    /// Returns the number, if it is one.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// Returns the text, if it is a string without lone surrogates.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => text.as_str(),
            _ => None,
        }
    }

    /// Returns the elements, if it is an array.
    #[must_use]
    pub fn as_array(&self) -> Option<&Array> {
        match self {
            Self::Array(elements) => Some(elements),
            _ => None,
        }
    }

    /// Returns the members, if it is an object.
    #[must_use]
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    /// Returns the value of an object's member, or `None`: there is no such member, or this is no
    /// object.
    ///
    /// ```
    /// use nest_wire::json;
    ///
    /// let value = json!({ "user": { "names": ["Ada", "Bob"] } });
    /// let second = value.get("user").and_then(|user| user.get("names")).and_then(|names| names.get_index(1));
    /// assert_eq!(second.and_then(|name| name.as_str()), Some("Bob"));
    /// assert_eq!(value["user"]["names"][1], json!("Bob"));
    /// ```
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_object()?.get(key)
    }

    /// Returns the element of an array, or `None`: the array is shorter, or this is no array.
    #[must_use]
    pub fn get_index(&self, index: usize) -> Option<&Self> {
        self.as_array()?.get(index)
    }

    /// Returns true if there are values within this one.
    pub(super) fn holds_values(&self) -> bool {
        match self {
            Self::Array(elements) => !elements.is_empty(),
            Self::Object(members) => !members.is_empty(),
            _ => false,
        }
    }
}

/// The value of a member; [`Value::get`] does not panic.
///
/// # Panics
/// There is no such member, or this is no object.
impl Index<&str> for Value {
    type Output = Self;

    fn index(&self, key: &str) -> &Self {
        self.get(key).unwrap_or_else(|| panic!("no member {key:?}"))
    }
}

/// An element; [`Value::get_index`] does not panic.
///
/// # Panics
/// The array is shorter, or this is no array.
impl Index<usize> for Value {
    type Output = Self;

    fn index(&self, index: usize) -> &Self {
        self.get_index(index).unwrap_or_else(|| panic!("no element {index}"))
    }
}

/// The value as JSON text; NaN and the infinities by name when they stand alone.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => f.write_str(&number_to_string(*number)),
            _ => f.write_str(&self.stringify()),
        }
    }
}

/// The value as JSON text.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.stringify())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::MAX_DEPTH;
    use crate::json::parse;

    /// Every step of a value's life, in the stack of a thread as small as they come.
    fn lives_in_a_small_stack(text: String) {
        let life = move || {
            let value = parse(&text).expect("text within the depth limit");
            let copy = value.clone();
            assert!(value == copy);
            drop(value);
            assert_eq!(copy.stringify(), text);
            assert_eq!(format!("{copy:?}"), text);
            let carried: Value = serde_json::from_str(&text).expect("valid JSON");
            assert_eq!(serde_json::to_string(&carried).expect("a value can be written"), text);
        };
        let thread = std::thread::Builder::new().stack_size(128 * 1024).spawn(life);
        thread
            .expect("a thread can be spawned")
            .join()
            .expect("the stack is deep enough");
    }

    #[test]
    fn nested_arrays_never_overflow_the_stack() {
        lives_in_a_small_stack("[".repeat(MAX_DEPTH) + &"]".repeat(MAX_DEPTH));
    }

    #[test]
    fn nested_objects_never_overflow_the_stack() {
        lives_in_a_small_stack(r#"{"a":"#.repeat(MAX_DEPTH) + "0" + &"}".repeat(MAX_DEPTH));
    }

    #[test]
    fn a_copy_holds_all_of_the_original() {
        let text = r#"{"2":[],"a":[1,[{}],{"b":[null,true]},"x"],"c":{"d":{},"e":-1.5}}"#;
        let value = parse(text).expect("valid JSON");
        assert_eq!(value.clone().stringify(), text);
        assert_eq!(value.clone(), value);
    }

    #[test]
    fn values_of_different_kinds_or_lengths_differ() {
        let texts = ["null", "false", "0", r#""""#, "[]", "{}", "[0]", "[[]]", r#"{"a":0}"#];
        for (i, left) in texts.iter().enumerate() {
            for (j, right) in texts.iter().enumerate() {
                assert_eq!(parse(left) == parse(right), i == j, "{left} and {right}");
            }
        }
    }

    #[test]
    fn a_value_takes_32_bytes() {
        assert_eq!(size_of::<Value>(), 32);
    }

    #[test]
    fn each_accessor_gives_its_own_kind_and_no_other() {
        let array = Value::from(vec![1, 2]);
        let object = Value::from([("a", 1)].into_iter().collect::<Object>());
        let values = [
            Value::Null,
            Value::from(true),
            Value::from(2.5),
            Value::from("x"),
            array,
            object,
        ];
        let bools = values.each_ref().map(Value::as_bool);
        assert_eq!(bools, [None, Some(true), None, None, None, None]);
        let numbers = values.each_ref().map(Value::as_f64);
        assert_eq!(numbers, [None, None, Some(2.5), None, None, None]);
        let texts = values.each_ref().map(Value::as_str);
        assert_eq!(texts, [None, None, None, Some("x"), None, None]);
        let lengths = values.each_ref().map(|value| value.as_array().map(|array| array.len()));
        assert_eq!(lengths, [None, None, None, None, Some(2), None]);
        let sizes = values.each_ref().map(|value| value.as_object().map(Object::len));
        assert_eq!(sizes, [None, None, None, None, None, Some(1)]);
    }
}
