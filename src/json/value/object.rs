//! A JavaScript object: its members, in the order in which JavaScript lists them.

use std::collections::btree_map;
use std::fmt;
use std::ops::Index;

use super::{Object, Value, string::JsString};

impl Object {
    /// Returns an object without members.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a member, and gives the value it had before.
    pub fn insert(&mut self, key: impl Into<JsString>, value: impl Into<Value>) -> Option<Value> {
        let (key, value) = (key.into(), value.into());
        let members = self.members.get_or_insert_default();
        match key.as_str().and_then(array_index) {
            Some(index) => members.indexed.insert(index, (key, value)).map(|(_, before)| before),
            None => members.named.insert(key, value),
        }
    }

    /// Returns the value of a member.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        let members = self.members.as_deref()?;
        match array_index(key) {
            Some(index) => members.indexed.get(&index).map(|(_, value)| value),
            None => members.named.get(key),
        }
    }

    /// Returns the value of a member, to be changed.
    #[must_use]
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        let members = self.members.as_deref_mut()?;
        match array_index(key) {
            Some(index) => members.indexed.get_mut(&index).map(|(_, value)| value),
            None => members.named.get_mut(key),
        }
    }

    /// Returns true if there is a member of this key.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Removes a member and returns its value. The others keep their order, as after JavaScript's
    /// `delete`.
    ///
    /// ```
    /// use nest_wire::{json::Value, json};
    ///
    /// let Value::Object(mut object) = json!({ "b": 1, "a": 2, "7": 3 }) else { unreachable!() };
    /// assert_eq!(object.remove("b"), Some(Value::from(1)));
    /// assert_eq!(object.remove("b"), None);
    /// assert_eq!(object.stringify(), r#"{"7":3,"a":2}"#);
    /// ```
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let members = self.members.as_deref_mut()?;
        match array_index(key) {
            Some(index) => members.indexed.remove(&index).map(|(_, value)| value),
            None => members.named.shift_remove(key),
        }
    }

    /// Returns the keys, in JavaScript's order.
    pub fn keys(&self) -> impl Iterator<Item = &JsString> {
        self.iter().map(|(key, _)| key)
    }

    /// Returns the values, in the order of their keys.
    pub fn values(&self) -> impl Iterator<Item = &Value> {
        self.iter().map(|(_, value)| value)
    }

    /// Returns the number of members there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members
            .as_ref()
            .map_or(0, |members| members.indexed.len() + members.named.len())
    }

    /// Returns true if there are no members.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the members, in JavaScript's order.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        self.members.as_deref().map_or_else(Iter::default, |members| Iter {
            indexed: members.indexed.values(),
            named: members.named.iter(),
        })
    }

    /// Returns the value of a member whose key may hold lone surrogates.
    fn member(&self, key: &JsString) -> Option<&Value> {
        match key.as_str() {
            Some(key) => self.get(key),
            None => self.members.as_deref()?.named.get(key),
        }
    }

    /// Returns the pairs of values that have to be equal for the two objects to be; `None` when
    /// keys differ.
    pub(in crate::json) fn zip<'a>(&'a self, other: &'a Self) -> Option<Vec<(&'a Value, &'a Value)>> {
        if self.len() != other.len() {
            return None;
        }
        self.iter()
            .map(|(key, value)| Some((value, other.member(key)?)))
            .collect()
    }
}

/// Returns the index that a key spells, if it is an array index as ECMA-262 defines it: a canonical
/// number below 2^32 - 1.
fn array_index(key: &str) -> Option<u32> {
    let digits = key.as_bytes();
    let canonical = match digits {
        [b'0'] => true,
        [b'1'..=b'9', rest @ ..] => rest.len() < 10 && rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if !canonical {
        return None;
    }
    key.parse().ok().filter(|&index| index != u32::MAX)
}

/// The members of an [`Object`], in JavaScript's order.
#[derive(Clone, Debug, Default)]
pub struct Iter<'a> {
    indexed: btree_map::Values<'a, u32, (JsString, Value)>,
    named: indexmap::map::Iter<'a, JsString, Value>,
}

/// The value of a member; [`Object::get`] does not panic.
///
/// # Panics
/// There is no such member.
impl Index<&str> for Object {
    type Output = Value;

    fn index(&self, key: &str) -> &Value {
        self.get(key).unwrap_or_else(|| panic!("no member {key:?}"))
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a JsString, &'a Value);

    fn next(&mut self) -> Option<Self::Item> {
        match self.indexed.next() {
            Some((key, value)) => Some((key, value)),
            None => self.named.next(),
        }
    }
}

impl<'a> IntoIterator for &'a Object {
    type Item = (&'a JsString, &'a Value);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl IntoIterator for Object {
    type Item = (JsString, Value);
    type IntoIter = std::vec::IntoIter<(JsString, Value)>;

    fn into_iter(mut self) -> Self::IntoIter {
        let members = self.members.take().map(|members| *members).unwrap_or_default();
        let mut listed: Vec<_> = members.indexed.into_values().collect();
        listed.extend(members.named);
        listed.into_iter()
    }
}

impl<K: Into<JsString>, V: Into<Value>> FromIterator<(K, V)> for Object {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(members: I) -> Self {
        let mut object = Self::new();
        object.extend(members);
        object
    }
}

impl<K: Into<JsString>, V: Into<Value>> Extend<(K, V)> for Object {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, members: I) {
        for (key, value) in members {
            self.insert(key, value);
        }
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.zip(other)
            .is_some_and(|pairs| pairs.iter().all(|(left, right)| left == right))
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(object: &Object) -> Vec<String> {
        object.iter().map(|(key, _)| key.to_string()).collect()
    }

    #[test]
    fn array_indices_come_first_in_ascending_order() {
        let given = [
            "b",
            "4294967295",
            "4294967294",
            "10",
            "9",
            "01",
            "-1",
            "4294967296",
            "1e3",
            "9007199254740991",
            "5",
            "4294967293",
            "0",
            "",
        ];
        let object: Object = given.into_iter().map(|key| (key, 1)).collect();
        // As printed by Node 20: 2^32 - 1 itself is no array index.
        let listed = [
            "0",
            "5",
            "9",
            "10",
            "4294967293",
            "4294967294",
            "b",
            "4294967295",
            "01",
            "-1",
            "4294967296",
            "1e3",
            "9007199254740991",
            "",
        ];
        assert_eq!(keys(&object), listed);
        assert_eq!(object.len(), given.len());
        assert!(given.iter().all(|key| object.get(key).is_some()));
        assert_eq!(object.get("00"), None);
    }

    #[test]
    fn a_key_given_again_keeps_its_place_and_takes_the_new_value() {
        let mut object: Object = [("b", 1), ("a", 2), ("7", 3)].into_iter().collect();
        assert_eq!(object.insert("b", 4), Some(Value::from(1)));
        assert_eq!(object.insert("7", 5), Some(Value::from(3)));
        assert_eq!(Value::from(object).stringify(), r#"{"7":5,"b":4,"a":2}"#);
    }

    #[test]
    fn keys_with_lone_surrogates_are_told_apart() {
        let high = JsString::from_utf16(vec![0xD800]);
        let low = JsString::from_utf16(vec![0xDC00]);
        let mut object = Object::new();
        object.insert(high.clone(), 1);
        object.insert(low, 2);
        object.insert("\u{FFFD}", 3);
        assert_eq!(object.len(), 3);
        assert_eq!(object.insert(high, 4), Some(Value::from(1)));
        assert_eq!(object, object.clone());
    }

    #[test]
    fn equality_does_not_look_at_the_order() {
        let one: Object = [("a", 1), ("b", 2)].into_iter().collect();
        let other: Object = [("b", 2), ("a", 1)].into_iter().collect();
        let third: Object = [("b", 2), ("c", 1)].into_iter().collect();
        assert_eq!(one, other);
        assert_ne!(one, third);
    }

    #[test]
    fn a_borrowed_object_gives_all_its_members() {
        let object: Object = [("b", 1), ("0", 2)].into_iter().collect();
        let mut members = Vec::new();
        for (key, value) in &object {
            members.push((key.to_string(), value.as_f64()));
        }
        assert_eq!(members, [("0".to_owned(), Some(2.0)), ("b".to_owned(), Some(1.0))]);
    }

    #[test]
    fn of_many_keys_each_is_found_and_no_other() {
        let object: Object = (0..1_000).map(|number| (format!("k{number}"), number)).collect();
        for number in 0..1_000 {
            assert_eq!(object.get(&format!("k{number}")), Some(&Value::from(number)));
            assert_eq!(object.get(&format!("x{number}")), None);
        }
    }
}
