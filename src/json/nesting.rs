//! How deep JSON may be nested, and what keeps the depth off the stack.
//!
//! The peer chooses the depth of a text, and one level costs it one byte: code that recurses would
//! let a small frame overflow the stack, which ends the process. No function of `json` recurses
//! into a value for this reason; each keeps the levels that it is within in a `Vec`.
//!
//! - Passing over a value, as every packet is, has no limit. A level is one bit of [`Brackets`],
//!   an eighth of its bracket in the text.
//! - Building a [`Value`] is limited to [`MAX_DEPTH`], because a level of a value takes far more
//!   memory than its brackets in the text.
//! - Reading a type is limited to [`MAX_TYPED_DEPTH`], because the type's own
//!   [`Deserialize`](serde::Deserialize) recurses. Parts that the type ignores are passed over.
//! - Dropping, cloning, comparing and writing a value has no limit: a program may nest values
//!   deeper than any text. What `derive` makes would recurse, so `Clone`, `PartialEq` and `Drop`
//!   are here.

use super::value::{Array, Object, Value, builder::Builder, object};

/// Maximum number of arrays and objects that are open at once in a text that
/// [`parse`](super::parse()) accepts.
///
/// `JSON.parse` has no limit of its own, but what it gives can only be written back by Node up to
/// a depth of about 4,200 with the stack that Node has by default, so no honest peer comes near.
pub const MAX_DEPTH: usize = 10_000;

/// Maximum number of arrays and objects that are open at once around what a type reads. It is the
/// limit of `serde_json`.
pub(super) const MAX_TYPED_DEPTH: usize = 127;

/// The brackets that are open around a place in a text, a bit each. The first 64 need no
/// allocation.
#[derive(Default)]
pub(super) struct Brackets {
    depth: usize,
    /// The innermost 64, the innermost of all in the lowest bit.
    near: u64,
    /// Those around them, 64 in each.
    far: Vec<u64>,
}

impl Brackets {
    pub(super) fn push(&mut self, is_curly: bool) {
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.far.push(self.near);
        }
        self.near = self.near << 1 | u64::from(is_curly);
        self.depth += 1;
    }

    pub(super) fn pop(&mut self) {
        self.depth -= 1;
        self.near >>= 1;
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.near = self.far.pop().unwrap_or_default();
        }
    }

    /// Returns true if the innermost bracket is an object's; false if none is open.
    pub(super) fn innermost_is_curly(&self) -> bool {
        self.near & 1 == 1
    }

    pub(super) fn is_empty(&self) -> bool {
        self.depth == 0
    }
}

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
    let mut copied = Builder::default();
    let mut open = Vec::new();
    let mut source = value;
    loop {
        match source {
            Value::Array(elements) => {
                copied.begin_array(elements.len());
                open.push(Rest::Elements(elements.iter()));
            }
            Value::Object(members) => {
                copied.begin_object();
                open.push(Rest::Members(members.iter()));
            }
            Value::Null => copied.value(Value::Null),
            Value::Bool(flag) => copied.value(Value::Bool(*flag)),
            Value::Number(number) => copied.value(Value::Number(*number)),
            Value::String(text) => copied.value(Value::String(text.clone())),
        }
        source = loop {
            let Some(innermost) = open.last_mut() else {
                return copied.finish();
            };
            if let Some(child) = innermost.next(&mut copied) {
                break child;
            }
            open.pop();
            copied.end();
        };
    }
}

/// What is left of a container that is being copied.
enum Rest<'a> {
    Elements(std::slice::Iter<'a, Value>),
    Members(object::Iter<'a>),
}

impl<'a> Rest<'a> {
    /// Returns the value to copy next, after its key has been copied.
    fn next(&mut self, copied: &mut Builder) -> Option<&'a Value> {
        match self {
            Self::Elements(rest) => rest.next(),
            Self::Members(rest) => rest.next().map(|(key, value)| {
                copied.key(key.clone());
                value
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_are_remembered_at_every_depth() {
        let mut open = Brackets::default();
        let is_curly = |depth: usize| depth.is_multiple_of(3);
        for depth in 0..300 {
            open.push(is_curly(depth));
        }
        for depth in (0..300).rev() {
            assert!(!open.is_empty());
            assert_eq!(open.innermost_is_curly(), is_curly(depth), "{depth}");
            open.pop();
        }
        assert!(open.is_empty());
    }
}
