//! `JSON.stringify`: ECMA-262, §25.5.2, without replacer and indentation.

use super::{number::push_number, quote::push_quoted};
use crate::json::value::{Array, Object, Value, object};

impl Value {
    /// Returns the text that `JSON.stringify` writes.
    ///
    /// NaN and the infinities are `null`, lone surrogates are escaped in lower case; of all other
    /// characters only `"`, `\` and those below U+0020 are escaped.
    ///
    /// ```
    /// use nest_wire::json::Value;
    ///
    /// assert_eq!(Value::from("é\n\u{1f}\u{7f}").stringify(), "\"é\\n\\u001f\u{7f}\"");
    /// assert_eq!(Value::from(vec![-0.0, 1e21, f64::NAN]).stringify(), "[0,1e+21,null]");
    /// ```
    #[must_use]
    pub fn stringify(&self) -> String {
        let mut out = String::new();
        self.write_to(&mut out);
        out
    }

    /// Appends what [`stringify`](Self::stringify) gives.
    pub fn write_to(&self, out: &mut String) {
        let mut open = Vec::new();
        begin(self, &mut open, out);
        finish(open, out);
    }
}

impl Array {
    /// Returns the text that `JSON.stringify` writes, as [`Value::stringify`] does.
    #[must_use]
    pub fn stringify(&self) -> String {
        let mut out = String::new();
        finish(vec![Writing::array(self, &mut out)], &mut out);
        out
    }
}

impl Object {
    /// Returns the text that `JSON.stringify` writes, as [`Value::stringify`] does.
    #[must_use]
    pub fn stringify(&self) -> String {
        let mut out = String::new();
        finish(vec![Writing::object(self, &mut out)], &mut out);
        out
    }
}

/// Writes a value; of a container, no more than its opening bracket.
fn begin<'a>(value: &'a Value, open: &mut Vec<Writing<'a>>, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) if number.is_finite() => push_number(*number, out),
        Value::Number(_) => out.push_str("null"),
        Value::String(text) => push_quoted(text, out),
        Value::Array(elements) => open.push(Writing::array(elements, out)),
        Value::Object(members) => open.push(Writing::object(members, out)),
    }
}

/// Writes what is left of the open containers, innermost first, without recursion.
fn finish<'a>(mut open: Vec<Writing<'a>>, out: &mut String) {
    while let Some(innermost) = open.last_mut() {
        match innermost.next(out) {
            Some(child) => begin(child, &mut open, out),
            None => drop(open.pop()),
        }
    }
}

/// A container that is partly written.
struct Writing<'a> {
    rest: Rest<'a>,
    first: bool,
}

enum Rest<'a> {
    Elements(std::slice::Iter<'a, Value>),
    Members(object::Iter<'a>),
}

impl<'a> Writing<'a> {
    fn array(elements: &'a [Value], out: &mut String) -> Self {
        out.push('[');
        Self {
            rest: Rest::Elements(elements.iter()),
            first: true,
        }
    }

    fn object(members: &'a Object, out: &mut String) -> Self {
        out.push('{');
        Self {
            rest: Rest::Members(members.iter()),
            first: true,
        }
    }

    /// Returns the value to write next, with what goes before it written; or the closing bracket.
    fn next(&mut self, out: &mut String) -> Option<&'a Value> {
        let (key, value) = match &mut self.rest {
            Rest::Elements(rest) => (None, rest.next()),
            Rest::Members(rest) => rest.next().map(|(key, value)| (Some(key), value)).unzip(),
        };
        if value.is_none() {
            out.push(if let Rest::Elements(_) = self.rest { ']' } else { '}' });
            return None;
        }
        if !self.first {
            out.push(',');
        }
        self.first = false;
        if let Some(key) = key.flatten() {
            push_quoted(key, out);
            out.push(':');
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::JsString;

    #[test]
    fn only_what_must_be_is_escaped() {
        let all: String = (0..0x21)
            .map(char::from)
            .chain(['"', '\\', '/', '\u{7f}', 'é'])
            .collect();
        // As printed by Node 20.
        let text = concat!(
            r#""\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000b\f\r\u000e\u000f"#,
            r"\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001a\u001b\u001c\u001d",
            r#"\u001e\u001f \"\\/"#,
            "\u{7f}é\""
        );
        assert_eq!(Value::from(all).stringify(), text);
    }

    #[test]
    fn lone_surrogates_are_escaped_in_lower_case() {
        let units = vec![0xDFAB, 0x22, 0xD83D, 0xDE00, 0xE9, 0xD800];
        let string = Value::from(JsString::from_utf16(units));
        assert_eq!(string.stringify(), r#""\udfab\"😀é\ud800""#);
    }

    #[test]
    fn numbers_without_json_are_null() {
        let numbers = Value::from(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 1.0]);
        assert_eq!(numbers.stringify(), "[null,null,null,0,1]");
    }
}
