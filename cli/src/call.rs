//! The options that `send` and `emit` share: the service, the pattern and the data.

use std::time::Duration;

use clap::Args;
use nest_wire::{
    client::RequestBuilder,
    json::{Object, Value},
    pattern::{IncomingPattern, Pattern},
};

use crate::{
    caller::{Asked, Caller, ConnectOptions},
    data::{Source, json_failure},
    duration,
    failure::Failure,
    lines::Lines,
    metadata::{MetadataOptions, with_metadata},
};

#[derive(Debug, Args)]
pub(crate) struct CallOptions {
    #[command(flatten)]
    metadata: MetadataOptions,
    /// How long an answer may take, or an event until the service reads it: 2, 0.5, 500ms, 10s, 1m
    ///
    /// Each further value of an answer has this time anew. Connecting is not counted.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration::parse)]
    pub(crate) timeout: Duration,
    /// DATA is JSON lines, a call each
    #[arg(long, requires = "data")]
    pub(crate) lines: bool,
    /// Print JSON lines, one or more for each call, for programs
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
        let metadata = self.metadata.read()?;
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
}

impl Ready {
    /// Returns a call with this data that has not been sent yet.
    pub(crate) fn request(&self, data: &Value) -> RequestBuilder {
        let request = self.caller.request(self.pattern.clone()).data(data);
        with_metadata(request, self.metadata.as_ref())
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
