//! The data of a call: JSON as an argument or on standard input.

use std::{
    io::{self, Read},
    str::FromStr,
};

use nest_wire::json::{self, ParseError, Value};

/// What was typed for the data.
#[derive(Debug, Clone)]
pub(crate) enum Data {
    Given(Value),
    /// `-`: it is on standard input.
    Stdin,
}

/// Why there is no data to send.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DataError {
    #[error("{0}")]
    Json(ParseError),
    #[error("NestJS sends no null")]
    Null,
    #[error("not UTF-8: malformed from byte {0} on")]
    Utf8(usize),
    #[error("it cannot be read: {0}")]
    Io(io::Error),
}

impl FromStr for Data {
    type Err = DataError;

    fn from_str(text: &str) -> Result<Self, DataError> {
        match text {
            "-" => Ok(Self::Stdin),
            _ => json(text).map(Self::Given),
        }
    }
}

impl Data {
    /// The value; waits for the end of standard input if it stands there.
    pub(crate) fn read(self) -> Result<Value, DataError> {
        match self {
            Self::Given(value) => Ok(value),
            Self::Stdin => {
                let mut bytes = Vec::new();
                io::stdin().read_to_end(&mut bytes).map_err(DataError::Io)?;
                let text = str::from_utf8(&bytes).map_err(|error| DataError::Utf8(error.valid_up_to()))?;
                json(text)
            }
        }
    }
}

fn json(text: &str) -> Result<Value, DataError> {
    match json::parse(text).map_err(DataError::Json)? {
        Value::Null => Err(DataError::Null),
        value => Ok(value),
    }
}
