//! The text of one pattern: its contract, its line in the router, and its handler.

use nest_wire::json::{self, Value};

use super::{
    names::{Names, snake},
    seen::Pattern,
    types::{ANY, Types, literal},
};
use crate::plural::counted;

pub(super) struct Handler {
    pub(super) contract: String,
    /// The line of the router, and the one that takes its place.
    pub(super) route: String,
    pub(super) function: String,
}

/// The type of the data without content.
const NO_DATA: &str = "NoData";

impl Handler {
    pub(super) fn new(route: &str, pattern: &Pattern, names: &mut Names, types: &mut Types) -> Self {
        let name = names.take(&snake(&words(route), "pattern"));
        let constant = name.trim_end_matches('_').to_uppercase();
        let data = data(pattern, &name, types);
        let (kind, verb, reply) = match pattern.calls {
            0 => ("Event", "event", None),
            _ => ("Message", "message", Some(reply(pattern, &name, types))),
        };
        let parameters = match &reply {
            Some(reply) => format!("{data}, {}", reply.of),
            None => data.clone(),
        };
        let doc = format!("/// `{}`.", route.replace('`', "'").replace(char::is_control, " "));
        Self {
            contract: format!(
                "\n{doc} Recorded: {}.\npub const {constant}: {kind}<{parameters}> = {kind}::{};\n",
                counts(pattern),
                constructor(route)
            ),
            route: format!(
                "        // .handle_{verb}(contracts::{constant}, {name})\n        \
                 .{verb}(contracts::{constant}.pattern(), old_service.clone())\n"
            ),
            function: format!("\n{doc}\n{}", function(pattern, &name, &data, reply.as_ref())),
        }
    }
}

fn data(pattern: &Pattern, name: &str, types: &mut Types) -> String {
    match pattern.data.is_empty_object() && !pattern.is_data_missing {
        true => NO_DATA.to_owned(),
        false if pattern.data.is_unknown() => ANY.to_owned(),
        false => types.of(&pattern.data, &format!("{name} data"), "types::"),
    }
}

/// The type of a contract's reply, and what its handler returns.
struct Reply {
    of: String,
    returned: String,
}

fn reply(pattern: &Pattern, name: &str, types: &mut Types) -> Reply {
    if pattern.reply.is_unknown() && pattern.is_reply_missing {
        let (of, returned) = ("()".to_owned(), "()".to_owned());
        return Reply { of, returned };
    }
    let of = match pattern.reply.is_unknown() {
        true => ANY.to_owned(),
        false => types.of(&pattern.reply, &format!("{name} reply"), "types::"),
    };
    match (pattern.is_stream, pattern.is_reply_missing) {
        (true, _) => Reply {
            returned: format!("ReplyStreamOf<{of}>"),
            of,
        },
        (false, true) => Reply {
            returned: format!("nest_wire::json::Maybe<Payload<{of}>>"),
            of: format!("nest_wire::json::Maybe<{of}>"),
        },
        (false, false) => Reply {
            returned: format!("Payload<{of}>"),
            of,
        },
    }
}

/// Returns the handler, whose body is still to be written.
fn function(pattern: &Pattern, name: &str, data: &str, reply: Option<&Reply>) -> String {
    let (parameter, shown) = match (data, pattern.is_data_missing) {
        (NO_DATA, _) => (String::new(), ""),
        (_, false) => (format!("Payload(data): Payload<{data}>"), ": {data:?}"),
        (_, true) => (format!("data: Option<Payload<{data}>>"), ": {data:?}"),
    };
    let returned = reply.filter(|reply| reply.returned != "()");
    let returned = returned
        .map(|reply| format!(" -> {}", reply.returned))
        .unwrap_or_default();
    format!("pub async fn {name}({parameter}){returned} {{\n    todo!(\"{name}{shown}\")\n}}\n")
}

/// Returns how often the pattern was recorded.
fn counts(pattern: &Pattern) -> String {
    let counts = [
        (pattern.calls, "call"),
        (pattern.events, "event"),
        (pattern.errors, "error"),
    ];
    let seen = counts.into_iter().filter(|(count, _)| *count > 0);
    let words: Vec<_> = seen.map(|(count, noun)| counted(count, noun)).collect();
    words.join(", ")
}

/// Returns the pattern of a route, in words.
fn words(route: &str) -> String {
    let Some(value) = object(route) else {
        return route.to_owned();
    };
    let members = value.as_object().into_iter().flatten();
    let values = members.map(|(_, value)| value.as_str().map_or_else(|| value.stringify(), str::to_owned));
    values.collect::<Vec<_>>().join(" ")
}

/// Returns the object that a route spells, if it does.
fn object(route: &str) -> Option<Value> {
    let value = route.starts_with('{').then(|| json::parse(route).ok()).flatten();
    value.filter(|value| value.as_object().is_some())
}

/// Returns the call that makes a contract of this route.
fn constructor(route: &str) -> String {
    let Some(value) = object(route) else {
        return format!("new({})", literal(route));
    };
    let members = value.as_object().into_iter().flatten();
    let texts: Option<Vec<String>> = members
        .map(|(key, value)| Some(format!("({}, {})", literal(key.as_str()?), literal(value.as_str()?))))
        .collect();
    match texts {
        Some(texts) if !texts.is_empty() => format!("with_pattern(|| Pattern::object([{}]))", texts.join(", ")),
        _ => format!(
            "with_pattern(|| Pattern::from_json({}).expect(\"JSON\"))",
            literal(route)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_route_has_an_expression_that_makes_its_pattern() {
        for (route, expression) in [
            ("sum", r#"new("sum")"#),
            ("7", r#"new("7")"#),
            ("{not json", r#"new("{not json")"#),
            (
                r#"{"cmd":"sum"}"#,
                r#"with_pattern(|| Pattern::object([("cmd", "sum")]))"#,
            ),
            (
                r#"{"cmd":"sum","v":2}"#,
                r#"with_pattern(|| Pattern::from_json("{\"cmd\":\"sum\",\"v\":2}").expect("JSON"))"#,
            ),
        ] {
            assert_eq!(constructor(route), expression);
        }
    }
}
