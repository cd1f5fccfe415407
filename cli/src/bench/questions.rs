//! What is asked: one call, or those of a file in turn.

use std::{fs, path::Path};

use nest_wire::{
    Compat,
    json::{self, Object, Value},
    packet::RawJson,
    pattern::Pattern,
};
use nest_wire_load::calls::Call;

use super::Bench;
use crate::{
    call::{looked_up, pattern},
    data::json_failure,
    failure::{Failure, file_reason},
};

/// The calls of a bench, before they are prepared.
pub(super) struct Questions {
    pub(super) all: Vec<Question>,
    pub(super) metadata: Option<Value>,
    expected: Option<Value>,
    /// The pattern, or the file with the calls.
    pub(super) name: String,
}

pub(super) struct Question {
    pub(super) pattern: Pattern,
    pub(super) data: Value,
    /// The route that the service looks up.
    pub(super) route: String,
}

impl Questions {
    pub(super) fn read(bench: &Bench) -> Result<Self, Failure> {
        let nest = bench.connect.nest;
        let all = match (&bench.calls, &bench.pattern) {
            (Some(path), _) => of_file(path, nest)?,
            (None, text) => vec![only(bench, text.as_deref().unwrap_or_default())?],
        };
        let expected = bench.expect.as_deref().map(|text| {
            let parsed = json::parse(text);
            parsed.map_err(|error| json_failure("--expect", &error, text))
        });
        Ok(Self {
            name: match &bench.calls {
                Some(path) => path.display().to_string(),
                None => all[0].pattern.to_string(),
            },
            all,
            metadata: bench.metadata.read()?,
            expected: expected.transpose()?,
        })
    }

    /// Returns the calls as they are written.
    pub(super) fn prepared(&self, is_event: bool) -> Vec<Call> {
        let metadata = self.metadata.as_ref().map(raw);
        let prepared = self.all.iter().map(|question| {
            let data = raw(&question.data);
            match is_event {
                true => Call::event(&raw(&Value::from(question.route.as_str())), &data, metadata.as_ref()),
                false => {
                    let pattern = RawJson::new(question.pattern.to_json()).expect("a pattern is JSON");
                    Call::request(&pattern, &data, metadata.as_ref(), self.expected.clone())
                }
            }
        });
        prepared.collect()
    }
}

impl Question {
    fn new(pattern: Pattern, data: Value, nest: Compat) -> Self {
        let route = looked_up(&pattern, nest);
        Self { pattern, data, route }
    }
}

fn only(bench: &Bench, text: &str) -> Result<Question, Failure> {
    let data = match &bench.data {
        Some(source) => source.read()?,
        None => Value::Object(Object::default()),
    };
    Ok(Question::new(pattern("PATTERN", text)?, data, bench.connect.nest))
}

fn of_file(path: &Path, nest: Compat) -> Result<Vec<Question>, Failure> {
    let name = path.display();
    let text =
        fs::read_to_string(path).map_err(|error| Failure::usage(format_args!("{name}: {}", file_reason(&error))))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let questions = lines.map(|(index, line)| {
        let question = of_line(line, nest);
        question.map_err(|reason| Failure::usage(format_args!("{name}, line {}: {reason}", index + 1)))
    });
    let questions = questions.collect::<Result<Vec<_>, _>>()?;
    match questions.is_empty() {
        true => Err(Failure::usage(format_args!("{name} holds no calls"))),
        false => Ok(questions),
    }
}

/// Reads `{"pattern": ..., "data": ...}`.
fn of_line(line: &str, nest: Compat) -> Result<Question, String> {
    let line = json::parse(line).map_err(|error| error.to_string())?;
    let Value::Object(members) = &line else {
        return Err("a call is {\"pattern\": ..., \"data\": ...}".to_owned());
    };
    let Some(pattern) = members.get("pattern") else {
        return Err("it has no pattern".to_owned());
    };
    let pattern = match pattern {
        Value::String(text) => Pattern::from(text.to_string()),
        other => Pattern::from_json(&other.to_string()).map_err(|error| format!("its pattern is none: {error}"))?,
    };
    match members.get("data") {
        Some(Value::Null) => Err("NestJS sends no null".to_owned()),
        data => Ok(Question::new(
            pattern,
            data.cloned().unwrap_or_else(|| Value::Object(Object::default())),
            nest,
        )),
    }
}

/// Returns the value as JavaScript would write it.
fn raw(value: &Value) -> RawJson {
    RawJson::new(value.to_string()).expect("a value is written as JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_call() {
        let read = |line| of_line(line, Compat::default());
        let call = read(r#"{"pattern":{"cmd":"sum"},"data":[1.0]}"#).expect("a call");
        assert_eq!(
            (call.route.as_str(), call.data.to_string().as_str()),
            (r#"{"cmd":"sum"}"#, "[1]")
        );
        let call = read(r#"{"pattern":"log"}"#).expect("a call");
        assert_eq!((call.route.as_str(), call.data.to_string().as_str()), ("log", "{}"));
        for (line, reason) in [
            ("[1]", "a call is {\"pattern\": ..., \"data\": ...}"),
            ("{}", "it has no pattern"),
            (r#"{"pattern":"log","data":null}"#, "NestJS sends no null"),
        ] {
            assert_eq!(read(line).err().as_deref(), Some(reason));
        }
        assert!(read("{").is_err());
    }
}
