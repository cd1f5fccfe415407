//! What `send` and `emit` have in common: whom to call, and with what.

use std::time::Duration;

use clap::Args;

use crate::{address::Address, call_failure::call_failure, data::Data, duration, failure::Failure};
use nest_wire::{
    client::{CallError, Client},
    json::{ParseError, Value},
    pattern::Pattern,
};

#[derive(Debug, Args)]
pub(crate) struct Call {
    /// How long to wait for the answer, in seconds, such as 0.5
    ///
    /// Connecting counts, and may take ten seconds of it. Each further value has this time anew.
    #[arg(long, value_name = "DURATION", default_value = "30", value_parser = duration::parse)]
    timeout: Duration,
    #[arg(value_name = "HOST:PORT", help = "Where the service is: localhost:8888, [::1]:8888")]
    address: Address,
    /// The pattern: JSON if it begins with { or [, else a string
    #[arg(value_parser = pattern, allow_negative_numbers = true)]
    pattern: Pattern,
    /// The data: JSON, or - to read JSON from standard input
    ///
    /// It goes out as JSON.stringify would write it. NestJS sends no null.
    #[arg(allow_negative_numbers = true)]
    data: Data,
}

/// A call that can be made.
pub(crate) struct Ready {
    pub(crate) client: Client,
    pub(crate) pattern: Pattern,
    pub(crate) data: Value,
    address: Address,
}

impl Call {
    /// Reads the data, if it stands elsewhere, and makes a client. Nothing is connected yet.
    pub(crate) fn ready(self) -> Result<Ready, Failure> {
        let config = Client::builder().timeout(self.timeout);
        Ok(Ready {
            client: config.build(self.address.to_string()).expect("a client"),
            pattern: self.pattern,
            data: self
                .data
                .read()
                .map_err(|error| Failure::usage(format_args!("standard input: {error}")))?,
            address: self.address,
        })
    }
}

impl Ready {
    /// What to tell when the call fails.
    pub(crate) fn failed(&self, error: CallError) -> Failure {
        call_failure(&error, &self.address.to_string())
    }
}

pub(crate) fn pattern(text: &str) -> Result<Pattern, ParseError> {
    match text.starts_with(['{', '[']) {
        true => Pattern::from_json(text),
        false => Ok(Pattern::from(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_json_by_its_first_character() {
        assert_eq!(pattern("sum"), Ok(Pattern::from("sum")));
        assert_eq!(pattern("7"), Ok(Pattern::from("7")));
        assert_eq!(pattern("\"sum\""), Ok(Pattern::from("\"sum\"")));
        assert_eq!(pattern(r#"{ "cmd": "sum" }"#), Ok(Pattern::object([("cmd", "sum")])));
        assert_eq!(pattern("{cmd}").map_err(|error| error.offset()), Err(1));
        assert_eq!(pattern("[1").map_err(|error| error.offset()), Err(2));
    }
}
