//! What `send` prints of one call: lines of JSON, bare for people or labelled for programs.

use std::io::{self, Write};

use nest_wire::{client::CallError, json::Value};
use tokio::time::Instant;

use crate::{caller::as_javascript_writes, duration, failure::Failure};

pub(super) struct Output {
    /// The number of the call, from 1.
    number: u64,
    begun: Instant,
    values: u64,
    is_json: bool,
}

impl Output {
    pub(super) fn new(number: u64, is_json: bool) -> Self {
        Self {
            number,
            begun: Instant::now(),
            values: 0,
            is_json,
        }
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Returns the number of values printed.
    pub(super) fn values(&self) -> u64 {
        self.values
    }

    /// Prints a value. One that is undefined is `null` for people, since JSON has no other word for
    /// it, and absent for programs.
    pub(super) fn value(&mut self, value: Option<Value>) -> io::Result<()> {
        self.values += 1;
        if !self.is_json {
            return line(&value.unwrap_or(Value::Null));
        }
        let value = value.map(|value| format!(r#","value":{value}"#)).unwrap_or_default();
        let (call, n, at) = (self.number, self.values, self.at());
        line(&format_args!(
            r#"{{"type":"value","call":{call},"n":{n},"at":{at}{value}}}"#
        ))
    }

    /// Prints an error, for programs only: people read it on standard error.
    pub(super) fn error(&self, error: &CallError, failure: &Failure) -> io::Result<()> {
        if !self.is_json {
            return Ok(());
        }
        let reason = match error {
            CallError::Rpc(error) => format!(r#""error":{}"#, as_javascript_writes(error.err())),
            _ => format!(r#""message":{}"#, Value::from(failure.message().unwrap_or_default())),
        };
        let (call, at, status) = (self.number, self.at(), failure.status().code());
        line(&format_args!(
            r#"{{"type":"error","call":{call},"at":{at},"status":{status},{reason}}}"#
        ))
    }

    /// Returns what `--verbose` says of a call that ended well.
    pub(super) fn summary(&self, how: &str) -> String {
        let took = duration::shown(self.begun.elapsed());
        match self.values {
            0 => format!("{how} without a value (undefined), {took}"),
            1 => format!("1 value, {how}, {took}"),
            values => format!("{values} values, {how}, {took}"),
        }
    }

    /// Returns the seconds since the call was begun, as JSON.
    fn at(&self) -> String {
        format!("{:.6}", self.begun.elapsed().as_secs_f64())
    }
}

/// Prints a line at once: the next value may be long in coming.
fn line(text: &dyn std::fmt::Display) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")?;
    stdout.flush()
}
