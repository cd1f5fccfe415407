//! Putting a [`Value`] together part by part, without recursion.

use super::{Array, Object, Value, string::JsString};

/// Builds a value of its parts: a scalar alone, or containers that are begun, filled and ended.
///
/// An object's member is a key and then a value.
#[derive(Default)]
pub(in crate::json) struct Builder {
    /// The containers that are begun, the innermost last.
    open: Vec<Open>,
    /// The value, once it is complete.
    complete: Value,
}

/// A container that may receive more; for an object, with the key of the member that is next.
enum Open {
    Array(Vec<Value>),
    Object(Object, JsString),
}

impl Builder {
    /// Returns the number of containers that are begun.
    pub(in crate::json) fn depth(&self) -> usize {
        self.open.len()
    }

    pub(in crate::json) fn begin_array(&mut self, capacity: usize) {
        self.open.push(Open::Array(Vec::with_capacity(capacity)));
    }

    pub(in crate::json) fn begin_object(&mut self) {
        self.open.push(Open::Object(Object::new(), JsString::default()));
    }

    /// Sets the key of the value that is next. It has no effect outside of an object.
    pub(in crate::json) fn key(&mut self, key: JsString) {
        if let Some(Open::Object(_, next)) = self.open.last_mut() {
            *next = key;
        }
    }

    /// Adds a value to the innermost container.
    pub(in crate::json) fn value(&mut self, value: Value) {
        match self.open.last_mut() {
            Some(Open::Array(elements)) => elements.push(value),
            Some(Open::Object(members, key)) => {
                members.insert(std::mem::take(key), value);
            }
            None => self.complete = value,
        }
    }

    /// Ends the innermost container.
    pub(in crate::json) fn end(&mut self) {
        let ended = match self.open.pop() {
            Some(Open::Array(elements)) => Value::Array(Array::from(elements)),
            Some(Open::Object(members, _)) => Value::Object(members),
            None => return,
        };
        self.value(ended);
    }

    /// Returns the value, all of whose containers have ended.
    pub(in crate::json) fn finish(self) -> Value {
        self.complete
    }
}
