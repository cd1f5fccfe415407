//! The data of a call: JSON as an argument, in a file or on standard input.

use std::{
    convert::Infallible,
    io::{self, Read},
    path::PathBuf,
    str::FromStr,
};

use nest_wire::json::{self, ParseError, Value};

use crate::failure::{Failure, file_reason};

/// Maximum number of characters of a text that a message quotes.
const MAX_QUOTED: usize = 60;

/// Where the data is.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    Argument(String),
    /// `-`
    Stdin,
    /// `@FILE`
    File(PathBuf),
}

impl FromStr for Source {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text.strip_prefix('@') {
            _ if text == "-" => Self::Stdin,
            Some(path) => Self::File(path.into()),
            None => Self::Argument(text.to_owned()),
        })
    }
}

impl Source {
    /// Returns the value, after the end of standard input if it is there.
    pub(crate) fn read(&self) -> Result<Value, Failure> {
        let text = match self {
            Self::Argument(text) => return value(text).map_err(|fault| fault.failure("DATA", text)),
            Self::Stdin => {
                let mut bytes = Vec::new();
                let read = io::stdin().read_to_end(&mut bytes);
                read.map(|_| bytes)
            }
            Self::File(path) => std::fs::read(path),
        };
        let bytes = text.map_err(|error| self.unreadable(&error))?;
        let text = str::from_utf8(&bytes)
            .map_err(|error| self.failure(&format!("not UTF-8: malformed from byte {} on", error.valid_up_to())))?;
        value(text).map_err(|fault| self.failure(&fault.in_file()))
    }

    /// Returns the name for messages.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Argument(_) => "DATA".to_owned(),
            Self::Stdin => "standard input".to_owned(),
            Self::File(path) => path.display().to_string(),
        }
    }

    pub(crate) fn unreadable(&self, error: &io::Error) -> Failure {
        self.failure(&file_reason(error))
    }

    fn failure(&self, reason: &str) -> Failure {
        Failure::usage(format_args!("{}: {reason}", self.name()))
    }
}

/// Why a text is no data.
#[derive(Debug)]
pub(crate) enum DataFault {
    Json(ParseError),
    Null,
}

impl DataFault {
    /// Returns the failure of an argument.
    fn failure(&self, name: &str, text: &str) -> Failure {
        match self {
            Self::Null => Failure::usage(format_args!("{name}: NestJS sends no null")),
            Self::Json(error) => json_failure(name, error, text),
        }
    }

    /// Returns the reason without the text, which may be large.
    pub(crate) fn in_file(&self) -> String {
        match self {
            Self::Null => "NestJS sends no null".to_owned(),
            Self::Json(error) => error.to_string(),
        }
    }
}

/// Reads a text as data.
pub(crate) fn value(text: &str) -> Result<Value, DataFault> {
    match json::parse(text).map_err(DataFault::Json)? {
        Value::Null => Err(DataFault::Null),
        value => Ok(value),
    }
}

/// Returns the failure of an argument that is not JSON.
pub(crate) fn json_failure(name: &str, error: &ParseError, text: &str) -> Failure {
    let quoted = quoted(text);
    if is_bare_word(text) {
        let failure = Failure::usage(format_args!("{name}: {quoted} is not JSON"));
        return failure.hint(format!("a text is written '{}'", Value::from(quoted.as_str())));
    }
    let at = error.offset();
    let reason = match error {
        ParseError::UnexpectedEnd { .. } => format!("unexpected end at byte {at} in {quoted}"),
        ParseError::Unexpected { found, .. } => format!("unexpected {found:?} at byte {at} in {quoted}"),
        error => error.to_string(),
    };
    let failure = Failure::usage(format_args!("{name}: {reason}"));
    match text.starts_with('{') && !text.contains('"') {
        // What is left of JSON that was not quoted: the shell has taken its quotes.
        true => failure.hint("quote it for the shell: '{\"cmd\":\"sum\"}'"),
        false => failure,
    }
}

fn quoted(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTED) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Returns true for a text whose author has not meant JSON.
fn is_bare_word(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphabetic() || matches!(first, '_' | '/' | '.' | '\''))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_meant_as_a_text_is_told_from_broken_json() {
        let message = |text: &str| {
            let fault = value(text).expect_err("no data");
            fault.failure("DATA", text).message().map(ToOwned::to_owned)
        };
        for (text, expected) in [
            ("hello", "DATA: hello is not JSON"),
            ("{a}", "DATA: unexpected 'a' at byte 1 in {a}"),
            ("[1,", "DATA: unexpected end at byte 3 in [1,"),
            ("null", "DATA: NestJS sends no null"),
            ("", "DATA: unexpected end at byte 0 in "),
        ] {
            assert_eq!(message(text).as_deref(), Some(expected), "{text}");
        }
    }
}
