//! What a failed call means to a shell, and what to do about it.

use std::error::Error;

use nest_wire::{client::CallError, json, packet::RawJson};

use crate::failure::{Failure, Status, with_causes};

/// Returns the failure of a call to the service at this address.
pub(crate) fn call_failure(error: &CallError, address: &str) -> Failure {
    let status = status(error);
    match error {
        CallError::Rpc(error) => Failure::verbatim(status, as_javascript_writes(error.err())),
        CallError::Connect(cause) => {
            let cause = cause.source().map(with_causes).unwrap_or_default();
            Failure::new(status, format_args!("cannot connect to {address}: {cause}"))
        }
        error => Failure::new(status, with_causes(error)),
    }
}

fn status(error: &CallError) -> Status {
    match error {
        CallError::MissingData | CallError::MissingPattern | CallError::Encode(_) | CallError::Unframeable(_) => {
            Status::Usage
        }
        CallError::Connect(_) | CallError::ConnectionClosed(_) | CallError::Stopping | CallError::Closed => {
            Status::NoConnection
        }
        CallError::Timeout(_) | CallError::Overloaded | CallError::StreamOverflow(_) => Status::Late,
        _ => Status::Unwanted,
    }
}

/// Returns the value as `JSON.stringify` would write it, or as it came if it is nested deeper than
/// we read.
fn as_javascript_writes(json: &RawJson) -> String {
    json::parse(json.as_str()).map_or_else(|_| json.to_string(), |value| value.to_string())
}
