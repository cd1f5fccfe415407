//! What `send` and `emit` have in common: whom to call, and with what.

use std::time::Duration;

use clap::Args;
use nest_wire::{
    client::RequestBuilder,
    json::{self, Object, Value},
    pattern::{IncomingPattern, Pattern},
};

use crate::{
    caller::{Asked, Caller, ConnectOptions},
    data::{Source, json_failure},
    duration,
    failure::Failure,
    lines::Lines,
};

#[derive(Debug, Args)]
pub(crate) struct CallOptions {
    /// A member of the metadata, a text; repeatable. Nest 12.1 and later read it
    #[arg(short, long, value_name = "KEY=VALUE", value_parser = member)]
    metadata: Vec<(String, String)>,
    /// The whole metadata, instead
    #[arg(long, value_name = "JSON", conflicts_with = "metadata")]
    metadata_json: Option<String>,
    /// How long to wait for the answer: 2, 0.5, 500ms, 10s, 1m
    ///
    /// Each further value has this time anew. Connecting is not counted.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration::parse)]
    pub(crate) timeout: Duration,
    /// DATA is JSON lines, a call each
    #[arg(long, requires = "data")]
    pub(crate) lines: bool,
    /// Print JSON lines that tell of each call, for programs
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) connect: ConnectOptions,
    /// The pattern: JSON if it begins with { or [, else a string
    #[arg(allow_negative_numbers = true)]
    pattern: String,
    /// The data: JSON, @FILE, or - for standard input; {} if absent
    ///
    /// It goes out as JSON.stringify would write it. NestJS sends no null.
    #[arg(allow_negative_numbers = true)]
    data: Option<Source>,
}

/// Calls that can be made.
pub(crate) struct Ready {
    pub(crate) caller: Caller,
    pub(crate) data: Lines,
    pattern: Pattern,
    metadata: Option<Value>,
    /// The route that the service looks up.
    route: String,
}

impl CallOptions {
    /// Reads what was typed, and the data unless it is lines, and makes a client. Nothing is
    /// connected yet.
    pub(crate) fn ready(self) -> Result<Ready, Failure> {
        let pattern = pattern("PATTERN", &self.pattern)?;
        let metadata = self.metadata()?;
        let data = match (self.data, self.lines) {
            (None, _) => Lines::one(Value::Object(Object::default())),
            (Some(source), true) => Lines::of(source)?,
            (Some(source), false) => Lines::one(source.read()?),
        };
        Ok(Ready {
            caller: Caller::new(&self.connect, self.timeout)?,
            data,
            route: looked_up(&pattern, self.connect.nest),
            pattern,
            metadata,
        })
    }

    fn metadata(&self) -> Result<Option<Value>, Failure> {
        if let Some(text) = &self.metadata_json {
            let parsed = json::parse(text).map_err(|error| json_failure("--metadata-json", &error, text));
            return parsed.map(Some);
        }
        let members = self.metadata.iter();
        let members: Object = members.map(|(key, value)| (key.as_str(), value.as_str())).collect();
        Ok((!self.metadata.is_empty()).then_some(Value::Object(members)))
    }
}

impl Ready {
    /// Returns a call with this data that has not been sent yet.
    pub(crate) fn request(&self, data: &Value) -> RequestBuilder {
        let request = self.caller.request(self.pattern.clone()).data(data);
        match &self.metadata {
            Some(metadata) => request.metadata(metadata),
            None => request,
        }
    }

    /// Returns what to explain a failure with, after this many values.
    pub(crate) fn asked(&self, values: u64) -> Asked {
        let route = self.route.clone();
        Asked::Message { route, values }
    }
}

/// Reads a pattern, the argument with this name.
pub(crate) fn pattern(name: &str, text: &str) -> Result<Pattern, Failure> {
    match text.starts_with(['{', '[']) {
        true => Pattern::from_json(text).map_err(|error| json_failure(name, &error, text)),
        false => Ok(Pattern::from(text)),
    }
}

/// Returns the route that a service looks up when it is asked for the pattern.
pub(crate) fn looked_up(pattern: &Pattern, compat: nest_wire::Compat) -> String {
    let json = pattern.to_json();
    match IncomingPattern::read(&json, compat) {
        Ok(incoming) => incoming
            .route()
            .map_or_else(|| "(none)".to_owned(), ToString::to_string),
        Err(_) => pattern.to_string(),
    }
}

fn member(text: &str) -> Result<(String, String), &'static str> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_json_by_its_first_character() {
        let pattern = |text| pattern("PATTERN", text).ok();
        assert_eq!(pattern("sum"), Some(Pattern::from("sum")));
        assert_eq!(pattern("7"), Some(Pattern::from("7")));
        assert_eq!(pattern("\"sum\""), Some(Pattern::from("\"sum\"")));
        assert_eq!(pattern(r#"{ "cmd": "sum" }"#), Some(Pattern::object([("cmd", "sum")])));
        assert_eq!(pattern("{cmd}"), None);
        assert_eq!(pattern("[1"), None);
    }
}
