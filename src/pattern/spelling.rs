//! From a value to its route: Nest's `transformPatternToRoute`.

use std::borrow::Cow;

use crate::js::{JsString, JsStringBuilder, Value, number_to_string};

use super::collation;
use super::route::Route;
use super::rules::RouteRules;

/// The route of a pattern.
pub(super) fn route_of(pattern: &Value, rules: RouteRules) -> Route<'static> {
    match pattern {
        Value::String(text) => Route::string(text.clone()),
        Value::Number(number) => Route::text(number_to_string(*number)),
        Value::Bool(true) => Route::word("true"),
        Value::Bool(false) => Route::word("false"),
        Value::Null => Route::word("null"),
        Value::Array(_) | Value::Object(_) => Route::string(spell(pattern, rules)),
    }
}

/// How many objects may be around one (`DEFAULT_MAX_DEPTH`), under the rules of Nest 11.
const MAX_DEPTH: usize = 5;
const MAX_DEPTH_REACHED: &str = "[MAX_DEPTH_REACHED]";

/// How many keys an object may have (`DEFAULT_MAX_KEYS`), under the rules of Nest 11.
const MAX_KEYS: usize = 20;
const TOO_MANY_KEYS: &str = "[TOO_MANY_KEYS]";

/// Writes an object's route, its levels kept on the heap: Nest 10 has no limit to them.
fn spell(pattern: &Value, rules: RouteRules) -> JsString {
    let mut out = JsStringBuilder::default();
    let mut open: Vec<Members<'_>> = Vec::new();
    let mut value = pattern;
    loop {
        match value {
            Value::Null => out.push_str("null"),
            Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
            Value::Number(number) => out.push_str(&number_to_string(*number)),
            Value::String(text) => push_text(text, rules, &mut out),
            Value::Array(_) | Value::Object(_) => match refusal(value, open.len(), rules) {
                Some(refusal) => out.push_str(refusal),
                None => {
                    out.push('{');
                    open.push(Members { sorted: sorted(value).into_iter(), first: true });
                }
            },
        }
        value = loop {
            let Some(innermost) = open.last_mut() else { return out.finish() };
            match innermost.next(rules, &mut out) {
                Some(child) => break child,
                None => open.pop(),
            };
        };
    }
}

/// The fixed text that stands for an object too deep or too large. Depth is looked at first.
fn refusal(container: &Value, depth: usize, rules: RouteRules) -> Option<&'static str> {
    let keys = match container {
        Value::Array(elements) => elements.len(),
        Value::Object(members) => members.len(),
        _ => 0,
    };
    match rules {
        RouteRules::Nest10 => None,
        RouteRules::Nest11 if depth > MAX_DEPTH => Some(MAX_DEPTH_REACHED),
        RouteRules::Nest11 if keys > MAX_KEYS => Some(TOO_MANY_KEYS),
        RouteRules::Nest11 => None,
    }
}

type Member<'a> = (Cow<'a, JsString>, &'a Value);

/// The members in the order of the route. An array has its indices for keys, and they are sorted
/// as the strings they are: 10 before 2.
fn sorted(container: &Value) -> Vec<Member<'_>> {
    let mut members: Vec<Member<'_>> = match container {
        Value::Array(elements) => {
            let index = |index: usize| Cow::Owned(JsString::from(index.to_string()));
            elements.iter().enumerate().map(|(at, value)| (index(at), value)).collect()
        }
        Value::Object(members) => {
            members.iter().map(|(key, value)| (Cow::Borrowed(key), value)).collect()
        }
        _ => Vec::new(),
    };
    members.sort_by(|(left, _), (right, _)| collation::compare(left, right));
    members
}

/// An object of which the route is partly written.
struct Members<'a> {
    sorted: std::vec::IntoIter<Member<'a>>,
    first: bool,
}

impl<'a> Members<'a> {
    /// The value to write next, with what goes before it written; or the closing brace.
    fn next(&mut self, rules: RouteRules, out: &mut JsStringBuilder) -> Option<&'a Value> {
        let Some((key, value)) = self.sorted.next() else {
            out.push('}');
            return None;
        };
        if !self.first {
            out.push(',');
        }
        self.first = false;
        push_text(&key, rules, out);
        out.push(':');
        Some(value)
    }
}

/// A key or a string, between quotes; under the rules of Nest 10 as it is, whatever is in it.
fn push_text(text: &JsString, rules: RouteRules, out: &mut JsStringBuilder) {
    out.push('"');
    match text.as_str() {
        Some(text) if rules == RouteRules::Nest10 || !text.contains(['"', '\\']) => {
            out.push_str(text);
        }
        _ => {
            for character in text.chars() {
                match character {
                    Ok(special @ ('"' | '\\')) if rules != RouteRules::Nest10 => {
                        out.push('\\');
                        out.push(special);
                    }
                    Ok(character) => out.push(character),
                    Err(surrogate) => out.push_surrogate(surrogate),
                }
            }
        }
    }
    out.push('"');
}
