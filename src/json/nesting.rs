//! What would recurse if it were derived: taking nested values apart, copying and comparing them.
//!
//! A value that came off the wire may be nested thousands deep, and what is derived would need a
//! stack frame or several for each level. Here the levels are kept on the heap.

use super::value::{Array, Object, Value, object::Iter, string::JsString};

impl Clone for Value {
    fn clone(&self) -> Self {
        copy(self)
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        equal(self, other)
    }
}

impl Drop for Array {
    fn drop(&mut self) {
        if self.0.iter().any(Value::holds_values) {
            drop_iteratively(std::mem::take(&mut self.0));
        }
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        if self.iter().any(|(_, value)| value.holds_values()) {
            let members = std::mem::take(self).into_iter();
            drop_iteratively(members.map(|(_, value)| value).collect());
        }
    }
}

/// Drops values without recursion: whatever holds others is emptied before it goes.
fn drop_iteratively(mut pending: Vec<Value>) {
    while let Some(value) = pending.pop() {
        match value {
            Value::Array(elements) => pending.append(&mut elements.into_vec()),
            Value::Object(members) => pending.extend(members.into_iter().map(|(_, value)| value)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

/// Returns true if two values are equal, however deep.
fn equal(left: &Value, right: &Value) -> bool {
    let mut pending = vec![(left, right)];
    while let Some(pair) = pending.pop() {
        let same = match pair {
            (Value::Null, Value::Null) => true,
            (Value::Bool(left), Value::Bool(right)) => left == right,
            (Value::Number(left), Value::Number(right)) => left == right,
            (Value::String(left), Value::String(right)) => left == right,
            (Value::Array(left), Value::Array(right)) => {
                pending.extend(left.iter().zip(right.iter()));
                left.len() == right.len()
            }
            (Value::Object(left), Value::Object(right)) => left.zip(right).map(|pairs| pending.extend(pairs)).is_some(),
            _ => false,
        };
        if !same {
            return false;
        }
    }
    true
}

/// Returns a copy of a value, however deep.
fn copy(value: &Value) -> Value {
    let mut open = Vec::new();
    let mut source = value;
    loop {
        let mut copied = match source {
            Value::Null => Value::Null,
            Value::Bool(flag) => Value::Bool(*flag),
            Value::Number(number) => Value::Number(*number),
            Value::String(text) => Value::String(text.clone()),
            Value::Array(elements) => {
                open.push(Copying::Array(elements.iter(), Vec::with_capacity(elements.len())));
                Value::Null
            }
            Value::Object(members) => {
                open.push(Copying::Object(members.iter(), Object::new(), JsString::default()));
                Value::Null
            }
        };
        let mut complete = !matches!(source, Value::Array(_) | Value::Object(_));
        source = loop {
            let Some(mut innermost) = open.pop() else {
                return copied;
            };
            if complete {
                innermost.add(copied);
            }
            match innermost.next() {
                Some(child) => {
                    open.push(innermost);
                    break child;
                }
                None => (copied, complete) = (innermost.finish(), true),
            }
        };
    }
}

/// A container of which a part is copied; for an object, with the key of the member under way.
enum Copying<'a> {
    Array(std::slice::Iter<'a, Value>, Vec<Value>),
    Object(Iter<'a>, Object, JsString),
}

impl<'a> Copying<'a> {
    fn next(&mut self) -> Option<&'a Value> {
        match self {
            Self::Array(rest, _) => rest.next(),
            Self::Object(rest, _, key) => {
                let (next, value) = rest.next()?;
                *key = next.clone();
                Some(value)
            }
        }
    }

    fn add(&mut self, child: Value) {
        match self {
            Self::Array(_, copied) => copied.push(child),
            Self::Object(_, copied, key) => {
                copied.insert(std::mem::take(key), child);
            }
        }
    }

    fn finish(self) -> Value {
        match self {
            Self::Array(_, copied) => Value::Array(Array::from(copied)),
            Self::Object(_, copied, _) => Value::Object(copied),
        }
    }
}
