//! Reads rules, and says what is wrong with them.

use std::{cell::Cell, time::Duration};

use nest_wire::{
    Compat, Pattern,
    json::{self, Object, ParseError, Value},
    pattern::{IncomingPattern, Route},
};

use super::{
    Reply, Rule,
    comments::{place, without_comments},
};
use crate::{
    duration,
    faults::{Fail, Failing},
    pointer::Pointer,
    serve::template::Template,
    traffic::text::cut,
};

/// The members that a rule may have.
const MEMBERS: [&str; 11] = [
    "pattern", "event", "when", "value", "values", "error", "every", "complete", "after", "fail", "print",
];
/// Maximum number of columns of what is quoted.
const QUOTED: usize = 60;

/// Returns the rules of a text, and warnings.
pub(super) fn rules(text: &str, compat: Compat) -> Result<(Vec<Rule>, Vec<String>), String> {
    let text = without_comments(text.strip_prefix('\u{feff}').unwrap_or(text));
    let value = json::parse(&text).map_err(|error| fault(&text, &error))?;
    let Value::Array(rules) = value else {
        return Err(": the rules are not an array".to_owned());
    };
    let mut warnings = Vec::new();
    let mut read = Vec::new();
    for (index, value) in rules.iter().enumerate() {
        let number = index + 1;
        let rule = rule(number, value, compat).map_err(|error| format!(", rule {number}: {error}"))?;
        if let Some(reason) = never_reached(value, compat) {
            warnings.push(format!("rule {number} is never reached: {reason}"));
        }
        read.push(rule);
    }
    Ok((read, warnings))
}

/// Returns the place and the reason of a text that is not JSON.
fn fault(text: &str, error: &ParseError) -> String {
    let (line, column) = place(text, error.offset());
    let reason = match error {
        ParseError::UnexpectedEnd { .. } => "the JSON ends here, and more is needed".to_owned(),
        ParseError::Unexpected { found, .. } => format!("unexpected {found:?}"),
        other => other.to_string(),
    };
    format!(":{line}:{column}: {reason}")
}

fn rule(number: usize, value: &Value, compat: Compat) -> Result<Rule, String> {
    let Value::Object(members) = value else {
        return Err(format!("{} is not an object", quoted(value)));
    };
    check_names(members)?;
    let (is_event, typed) = match (members.get("pattern"), members.get("event")) {
        (Some(pattern), None) => (false, pattern),
        (None, Some(event)) => (true, event),
        (Some(_), Some(_)) => return Err("it has both pattern and event".to_owned()),
        (None, None) => return Err("it has neither pattern nor event".to_owned()),
    };
    let pattern = Pattern::from_json(&typed.stringify()).map_err(|error| error.to_string())?;
    Ok(Rule {
        number,
        is_event,
        route: pattern.route(compat),
        pattern: typed.as_str().map_or_else(|| typed.stringify(), str::to_owned),
        when: when(members)?,
        reply: reply(members, is_event)?,
        after: time(members, "after")?,
        fail: fail(members)?,
        is_shown: flag(members, "print")?.unwrap_or(true),
        uses: Cell::new(0),
    })
}

fn check_names(members: &Object) -> Result<(), String> {
    for name in members.keys() {
        let name = name.to_string_lossy();
        if MEMBERS.contains(&&*name) {
            continue;
        }
        let nearest = MEMBERS
            .iter()
            .min_by_key(|member| strsim::damerau_levenshtein(member, &name));
        return Err(match nearest {
            Some(nearest) if strsim::damerau_levenshtein(nearest, &name) <= 2 => {
                format!("{:?}? did you mean {nearest:?}", cut(&name, QUOTED))
            }
            _ => format!("{:?}? a rule has {}", cut(&name, QUOTED), MEMBERS.join(", ")),
        });
    }
    Ok(())
}

fn when(members: &Object) -> Result<Vec<(Pointer, Value)>, String> {
    match members.get("when") {
        None => Ok(Vec::new()),
        Some(Value::Object(wanted)) => wanted
            .iter()
            .map(|(pointer, value)| {
                let pointer = Pointer::parse(&pointer.to_string_lossy()).map_err(|error| format!("when: {error}"))?;
                Ok((pointer, value.clone()))
            })
            .collect(),
        Some(other) => Err(format!("when: {} is no object of pointers and values", quoted(other))),
    }
}

fn reply(members: &Object, is_event: bool) -> Result<Reply, String> {
    let kinds = ["value", "values", "error"];
    let given: Vec<&str> = kinds.into_iter().filter(|kind| members.contains_key(kind)).collect();
    if let [one, other, ..] = given[..] {
        return Err(format!("it has both {one} and {other}"));
    }
    if is_event {
        let of_replies = ["value", "values", "error", "every", "complete", "after", "fail"];
        if let Some(member) = of_replies.into_iter().find(|member| members.contains_key(member)) {
            return Err(format!("{member}: nobody answers an event"));
        }
    }
    if given != ["values"]
        && let Some(member) = ["every", "complete"]
            .into_iter()
            .find(|member| members.contains_key(member))
    {
        return Err(format!("{member} is only for values"));
    }
    if let Some(values) = members.get("values") {
        let Value::Array(values) = values else {
            return Err(format!("values: {} is not an array", quoted(values)));
        };
        return Ok(Reply::Values {
            values: values.iter().map(Template::new).collect::<Result<_, _>>()?,
            every: time(members, "every")?,
            ends_alone: ends_alone(members)?,
        });
    }
    match (members.get("value"), members.get("error")) {
        (Some(value), _) => Ok(Reply::Value(Template::new(value)?)),
        (None, Some(error)) => Ok(Reply::Error(Template::new(error)?)),
        (None, None) if is_event => Ok(Reply::Values {
            values: Vec::new(),
            every: Duration::ZERO,
            ends_alone: true,
        }),
        (None, None) => Err("it has neither value, values nor error".to_owned()),
    }
}

fn ends_alone(members: &Object) -> Result<bool, String> {
    match members.get("complete") {
        None => Ok(false),
        Some(value) => match value.as_str() {
            Some("alone") => Ok(true),
            Some("last") => Ok(false),
            _ => Err(format!("complete: {} is neither \"alone\" nor \"last\"", quoted(value))),
        },
    }
}

fn time(members: &Object, name: &str) -> Result<Duration, String> {
    let value = match members.get(name) {
        None => return Ok(Duration::ZERO),
        Some(value) => value,
    };
    let text = value.as_str().map_or_else(|| value.stringify(), str::to_owned);
    duration::parse(&text).map_err(|wanted| format!("{name}: {}: {wanted}", quoted(value)))
}

fn flag(members: &Object, name: &str) -> Result<Option<bool>, String> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(other) => Err(format!("{name}: {} is neither true nor false", quoted(other))),
    }
}

fn fail(members: &Object) -> Result<Option<Fail>, String> {
    const WANTED: &str = "write a share from 0 to 1, or {\"share\":0.1,\"how\":\"close\"}";
    let Some(value) = members.get("fail") else {
        return Ok(None);
    };
    let wrong = || format!("fail: {}: {WANTED}", quoted(value));
    let (share, how) = match value {
        Value::Object(fail) if fail.keys().all(|key| matches!(key.as_str(), Some("share" | "how"))) => {
            let how = match fail.get("how") {
                None => Failing::Error,
                Some(how) => {
                    let name = how.as_str().ok_or_else(wrong)?;
                    name.parse()
                        .map_err(|wanted| format!("fail: {}: {wanted}", quoted(how)))?
                }
            };
            (fail.get("share").map_or(Some(1.0), Value::as_f64), how)
        }
        other => (other.as_f64(), Failing::Error),
    };
    share
        .and_then(|share| Fail::new(share, how))
        .map(Some)
        .ok_or_else(wrong)
}

/// Returns why no call finds a rule of this pattern, if none does.
fn never_reached(rule: &Value, compat: Compat) -> Option<String> {
    let typed = rule.get("pattern").or_else(|| rule.get("event"))?;
    let json = typed.stringify();
    let pattern = Pattern::from_json(&json).ok()?;
    let incoming = IncomingPattern::read(&json, compat).ok()?;
    let route = pattern.route(compat);
    if incoming.route().cloned().map(Route::into_owned).as_ref() == Some(&route) {
        return None;
    }
    let shown = cut(typed.as_str().unwrap_or(&json), QUOTED);
    Some(format!(
        "a call of {shown} looks up another route (nest-wire route --explain '{shown}')"
    ))
}

fn quoted(value: &Value) -> String {
    cut(&value.stringify(), QUOTED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_rule_is_said() {
        for (text, expected) in [
            ("[{}\n  {}]", ":2:3: unexpected '{'"),
            ("[1,", ":1:4: the JSON ends here, and more is needed"),
            ("{}", ": the rules are not an array"),
            ("[1]", ", rule 1: 1 is not an object"),
            (
                r#"[{"pattern":"a","vaule":1}]"#,
                r#", rule 1: "vaule"? did you mean "value""#,
            ),
            (
                r#"[{"pattern":"a","value":1,"error":2}]"#,
                ", rule 1: it has both value and error",
            ),
            (r#"[{"value":1}]"#, ", rule 1: it has neither pattern nor event"),
            (
                r#"[{"pattern":"a"}]"#,
                ", rule 1: it has neither value, values nor error",
            ),
            (
                r#"[{"event":"a","value":1}]"#,
                ", rule 1: value: nobody answers an event",
            ),
            (
                r#"[{"pattern":"a","value":1,"every":1}]"#,
                ", rule 1: every is only for values",
            ),
            (
                r#"[{"pattern":"a","value":1,"when":{"id":1}}]"#,
                ", rule 1: when: id: a pointer begins with /",
            ),
            (
                r#"[{"pattern":"a","value":1,"fail":{"share":2}}]"#,
                r#", rule 1: fail: {"share":2}: write a share from 0 to 1, or {"share":0.1,"how":"close"}"#,
            ),
            (
                r#"[{"pattern":"a","value":1,"after":"soon"}]"#,
                r#", rule 1: after: "soon": write a number above 0, of seconds or with a unit: 2, 0.5, 500ms, 10s, 1m"#,
            ),
        ] {
            let read = rules(text, Compat::default()).map(|(rules, _)| rules.len());
            assert_eq!(read, Err(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn an_unknown_filter_is_found_before_the_first_call() {
        let read = rules(r#"[{"pattern":"a","value":["{{ data | summ }}"]}]"#, Compat::default());
        let error = read.map(|(rules, _)| rules.len()).expect_err("no such filter");
        assert!(
            error.starts_with(", rule 1: unknown filter summ; there are "),
            "{error}"
        );
    }

    #[test]
    fn a_pattern_that_no_call_finds_is_a_warning() {
        let text = r#"[{"pattern":"sum","value":1}, {"pattern":"1.50","value":1}]"#;
        let (_, warnings) = rules(text, Compat::default()).expect("rules");
        assert_eq!(
            warnings,
            ["rule 2 is never reached: a call of 1.50 looks up another route (nest-wire route --explain '1.50')"]
        );
    }
}
