//! Converts a value to its route: Nest's `transformPatternToRoute`.

use std::borrow::Cow;

use crate::json::{JsString, JsStringBuilder, Value, number_to_string};

use super::collation;
use super::route::Route;
use crate::compat::Compat;

/// Returns the route of a pattern.
pub(super) fn route_of(pattern: &Value, compat: Compat) -> Route<'static> {
    match pattern {
        Value::String(text) => Route::string(text.clone()),
        Value::Number(number) => Route::text(number_to_string(*number)),
        Value::Bool(true) => Route::word("true"),
        Value::Bool(false) => Route::word("false"),
        Value::Null => Route::word("null"),
        Value::Array(_) | Value::Object(_) => Route::string(spell(pattern, compat)),
    }
}

/// Maximum number of objects around an object (`DEFAULT_MAX_DEPTH`), under the rules of Nest 11.
const MAX_DEPTH: usize = 5;
const MAX_DEPTH_REACHED: &str = "[MAX_DEPTH_REACHED]";

/// Maximum number of keys of an object (`DEFAULT_MAX_KEYS`), under the rules of Nest 11.
const MAX_KEYS: usize = 20;
const TOO_MANY_KEYS: &str = "[TOO_MANY_KEYS]";

/// Returns the text of an object's route. The nesting levels are kept on the heap, because Nest 10
/// does not limit them.
fn spell(pattern: &Value, compat: Compat) -> JsString {
    let mut out = JsStringBuilder::default();
    let mut open: Vec<Members<'_>> = Vec::new();
    let mut value = pattern;
    loop {
        match value {
            Value::Null => out.push_str("null"),
            Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
            Value::Number(number) => out.push_str(&number_to_string(*number)),
            Value::String(text) => push_text(text, compat, &mut out),
            Value::Array(_) | Value::Object(_) => match refusal(value, open.len(), compat) {
                Some(refusal) => out.push_str(refusal),
                None => {
                    out.push('{');
                    open.push(Members {
                        sorted: sorted(value).into_iter(),
                        first: true,
                    });
                }
            },
        }
        value = loop {
            let Some(innermost) = open.last_mut() else {
                return out.finish();
            };
            match innermost.next(compat, &mut out) {
                Some(child) => break child,
                None => open.pop(),
            };
        };
    }
}

/// Returns the fixed text that replaces an object that is too deep or too large. The depth is
/// checked first.
fn refusal(container: &Value, depth: usize, compat: Compat) -> Option<&'static str> {
    let keys = match container {
        Value::Array(elements) => elements.len(),
        Value::Object(members) => members.len(),
        _ => 0,
    };
    match compat.has_careful_routes() {
        true if depth > MAX_DEPTH => Some(MAX_DEPTH_REACHED),
        true if keys > MAX_KEYS => Some(TOO_MANY_KEYS),
        _ => None,
    }
}

type Member<'a> = (Cow<'a, JsString>, &'a Value);

/// Returns the members in the order of the route. The keys of an array are its indices, sorted as
/// strings: 10 before 2.
fn sorted(container: &Value) -> Vec<Member<'_>> {
    let mut members: Vec<Member<'_>> = match container {
        Value::Array(elements) => {
            let index = |index: usize| Cow::Owned(JsString::from(index.to_string()));
            elements
                .iter()
                .enumerate()
                .map(|(at, value)| (index(at), value))
                .collect()
        }
        Value::Object(members) => members.iter().map(|(key, value)| (Cow::Borrowed(key), value)).collect(),
        _ => Vec::new(),
    };
    members.sort_by(|(left, _), (right, _)| collation::compare(left, right));
    members
}

/// An object with a partly written route.
struct Members<'a> {
    sorted: std::vec::IntoIter<Member<'a>>,
    first: bool,
}

impl<'a> Members<'a> {
    /// Writes what precedes the next value and returns that value, or writes the closing brace and
    /// returns `None`.
    fn next(&mut self, compat: Compat, out: &mut JsStringBuilder) -> Option<&'a Value> {
        let Some((key, value)) = self.sorted.next() else {
            out.push('}');
            return None;
        };
        if !self.first {
            out.push(',');
        }
        self.first = false;
        push_text(&key, compat, out);
        out.push(':');
        Some(value)
    }
}

/// Appends a key or a string in quotes; under the rules of Nest 10 without escapes, whatever its
/// content.
fn push_text(text: &JsString, compat: Compat, out: &mut JsStringBuilder) {
    out.push('"');
    match text.as_str() {
        Some(text) if !compat.has_careful_routes() || !text.contains(['"', '\\']) => {
            out.push_str(text);
        }
        _ => {
            for character in text.chars() {
                match character {
                    Ok(special @ ('"' | '\\')) if compat.has_careful_routes() => {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;
    use crate::json::parse;

    fn spelled(json: &str, compat: Compat) -> String {
        route_of(&parse(json).expect("valid JSON"), compat).to_json()
    }

    /// JSON text, and the JSON text of its route under the rules of Nest 11 and of Nest 10.
    #[rustfmt::skip]
    const ROUTES: &[(&str, &str, &str)] = &[
        // As printed by Node 20 with Nest 12.1.1 and Nest 10.4.22.
        (r#"{"say":"\"hi\"","back\\slash":"a\\b","q\"":null}"#,
            r#""{\"back\\\\slash\":\"a\\\\b\",\"q\\\"\":null,\"say\":\"\\\"hi\\\"\"}""#,
            r#""{\"back\\slash\":\"a\\b\",\"q\"\":null,\"say\":\"\"hi\"\"}""#),
        (r#"{"\ud800":"\udfff\"","\ud7ff":"\n"}"#,
            "\"{\\\"\u{D7FF}\\\":\\\"\\n\\\",\\\"\\ud800\\\":\\\"\\udfff\\\\\\\"\\\"}\"",
            "\"{\\\"\u{D7FF}\\\":\\\"\\n\\\",\\\"\\ud800\\\":\\\"\\udfff\\\"\\\"}\""),
        (r#"{"a":{"a":{"a":{"a":{"a":{"a":{"a":1}}}}}}}"#,
            r#""{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":[MAX_DEPTH_REACHED]}}}}}}""#,
            r#""{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}}}""#),
        ("[[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0],[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]]",
            concat!(r#""{\"0\":{\"0\":0,\"1\":0,\"10\":0,\"11\":0,\"12\":0,\"13\":0,\"14\":0,\"15\":0,\"16\":0,"#,
                r#"\"17\":0,\"18\":0,\"19\":0,\"2\":0,\"3\":0,\"4\":0,\"5\":0,\"6\":0,\"7\":0,\"8\":0,\"9\":0},"#,
                r#"\"1\":[TOO_MANY_KEYS]}""#),
            concat!(r#""{\"0\":{\"0\":0,\"1\":0,\"10\":0,\"11\":0,\"12\":0,\"13\":0,\"14\":0,\"15\":0,\"16\":0,"#,
                r#"\"17\":0,\"18\":0,\"19\":0,\"2\":0,\"3\":0,\"4\":0,\"5\":0,\"6\":0,\"7\":0,\"8\":0,\"9\":0},"#,
                r#"\"1\":{\"0\":0,\"1\":0,\"10\":0,\"11\":0,\"12\":0,\"13\":0,\"14\":0,\"15\":0,\"16\":0,"#,
                r#"\"17\":0,\"18\":0,\"19\":0,\"2\":0,\"20\":0,\"3\":0,\"4\":0,\"5\":0,\"6\":0,\"7\":0,\"8\":0,"#,
                r#"\"9\":0}}""#)),
    ];

    #[test]
    fn nest_11_escapes_and_limits_where_nest_10_does_not() {
        for (json, eleven, ten) in ROUTES {
            assert_eq!(&spelled(json, Compat::Nest12), eleven);
            assert_eq!(&spelled(json, Compat::Nest10), ten);
        }
    }

    /// JSON text and its route, which is the same under both sets of rules.
    #[rustfmt::skip]
    const SHARED: &[(&str, &str)] = &[
        // As printed by Node 20 with Nest 12.1.1 and Nest 10.4.22.
        (r#""su\"m""#, r#"su"m"#),
        ("1e21", "1e+21"),
        ("-0.0", "0"),
        ("1e999", "Infinity"),
        ("[]", "{}"),
        (r#"["a","b"]"#, r#"{"0":"a","1":"b"}"#),
        ("[0,1,2,3,4,5,6,7,8,9,10,11]",
            r#"{"0":0,"1":1,"10":10,"11":11,"2":2,"3":3,"4":4,"5":5,"6":6,"7":7,"8":8,"9":9}"#),
        (r#"{"10":1,"9":2,"x":3}"#, r#"{"10":1,"9":2,"x":3}"#),
        (r#"{"service":"math","cmd":"sum"}"#, r#"{"cmd":"sum","service":"math"}"#),
        (r#"{"b":1,"B":2,"a":3,"A":4,"c":5}"#, r#"{"a":3,"A":4,"b":1,"B":2,"c":5}"#),
        (r#"{"user_id":1,"userId":2,"user-id":3,"user id":4,"user":5,"users":6}"#,
            r#"{"user":5,"user id":4,"user_id":1,"user-id":3,"userId":2,"users":6}"#),
        (r#"{"é":1,"e":2,"f":3,"É":4,"E":5}"#, r#"{"e":2,"E":5,"é":1,"É":4,"f":3}"#),
        ("{\"e\u{301}\":1,\"é\":2}", "{\"e\u{301}\":1,\"é\":2}"),
        ("{\"é\":1,\"e\u{301}\":2}", "{\"é\":1,\"e\u{301}\":2}"),
        ("{\"\":1,\"\u{AD}\":2,\"\\u0000\":3,\"-\":4,\"0\":5,\"_\":6,\"'\":7,\" \":8}",
            "{\"\":1,\"\u{AD}\":2,\"\0\":3,\" \":8,\"_\":6,\"-\":4,\"'\":7,\"0\":5}"),
        (r#"{"日":1,"あ":2,"😀":3,"я":4,"z":5,"ω":6}"#, r#"{"😀":3,"z":5,"ω":6,"я":4,"あ":2,"日":1}"#),
        (r#"{"n":1.0,"m":-0,"o":1e21,"p":1e-7,"t":true,"f":false,"z":null,"i":1e999}"#,
            r#"{"f":false,"i":Infinity,"m":0,"n":1,"o":1e+21,"p":1e-7,"t":true,"z":null}"#),
        (r#"{"__proto__":{"b":1,"a":2}}"#, r#"{"__proto__":{"a":2,"b":1}}"#),
        (r#"{"a":{"a":{"a":{"a":{"a":{"a":"x"}}}}}}"#, r#"{"a":{"a":{"a":{"a":{"a":{"a":"x"}}}}}}"#),
    ];

    #[test]
    fn routes_are_spelled_as_nest_does() {
        for (json, route) in SHARED {
            let pattern = parse(json).expect("valid JSON");
            assert_eq!(route_of(&pattern, Compat::Nest12), *route);
            assert_eq!(route_of(&pattern, Compat::Nest10), *route);
        }
    }

    #[test]
    fn depth_is_looked_at_before_the_number_of_keys() {
        let many = format!("[{}0]", "0,".repeat(20));
        let deep = format!("{}{many}{}", r#"{"a":"#.repeat(6), "}".repeat(6));
        let route = r#""{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":[MAX_DEPTH_REACHED]}}}}}}""#;
        assert_eq!(spelled(&deep, Compat::Nest12), route);
        assert_eq!(spelled(&many, Compat::Nest12), r#""[TOO_MANY_KEYS]""#);
    }

    #[test]
    fn the_deepest_pattern_has_a_route_under_the_old_rules() {
        let deepest = r#"{"a":"#.repeat(json::MAX_DEPTH) + "0" + &"}".repeat(json::MAX_DEPTH);
        let pattern = parse(&deepest).expect("valid JSON");
        let spell = move || assert_eq!(route_of(&pattern, Compat::Nest10), deepest.as_str());
        let thread = std::thread::Builder::new().stack_size(128 * 1024).spawn(spell);
        thread
            .expect("a thread can be spawned")
            .join()
            .expect("the stack is deep enough");
    }
}
