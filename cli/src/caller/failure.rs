//! What a failed call means to a shell, and what to do about it.

use std::{error::Error, io};

use nest_wire::{
    client::{CallError, ConnectError, DisconnectReason, TimeoutError},
    connection::ConnectionError,
    json,
    packet::{RawJson, RpcError},
};

use super::{Asked, Caller, framing_fault::framing_fault};
use crate::{
    address::Address,
    dial::DialError,
    duration,
    failure::{Failure, Status, with_causes},
};

impl Caller {
    /// Returns the failure of a call.
    pub(crate) fn failure(&self, error: &CallError, asked: &Asked) -> Failure {
        match error {
            CallError::Rpc(error) => rpc_failure(error, asked),
            CallError::Connect(error) => self.connect_failure(error),
            CallError::ConnectionClosed(reason) => self.closed(reason, asked),
            CallError::Timeout(error) => self.late(error, asked),
            CallError::Stopping => Failure::new(Status::NoConnection, "the service is stopping"),
            CallError::MissingData | CallError::MissingPattern | CallError::Encode(_) | CallError::Unframeable(_) => {
                Failure::usage(with_causes(error))
            }
            CallError::Closed => Failure::new(Status::NoConnection, with_causes(error)),
            CallError::Overloaded | CallError::StreamOverflow(_) => Failure::new(Status::Late, with_causes(error)),
            error => Failure::new(Status::Unwanted, with_causes(error)),
        }
    }

    fn connect_failure(&self, error: &ConnectError) -> Failure {
        let cause = error.source().and_then(|error| error.downcast_ref::<io::Error>());
        match cause
            .and_then(io::Error::get_ref)
            .and_then(|error| error.downcast_ref())
        {
            Some(error) => DialError::failure(error, &self.address),
            None => Failure::new(Status::NoConnection, with_causes(error)),
        }
    }

    fn late(&self, error: &TimeoutError, asked: &Asked) -> Failure {
        if let Some(fault) = framing_fault(&self.seen.first_received()) {
            return broken(&fault);
        }
        let limit = duration::shown(error.limit());
        let message = match asked {
            Asked::Event => format!("the service did not take the event within {limit}"),
            Asked::Message { values: 0, .. } => format!("no answer within {limit}"),
            Asked::Message { .. } => format!("no further value within {limit}"),
        };
        Failure::new(Status::Late, message)
    }

    fn closed(&self, reason: &DisconnectReason, asked: &Asked) -> Failure {
        let received = self.seen.first_received();
        if let Some(failure) = self.of_another_protocol(&received) {
            return failure;
        }
        if let Some(fault) = framing_fault(&received) {
            return broken(&fault);
        }
        match (reason, &*self.address) {
            (DisconnectReason::Failed(error), _) if is_broken(error) => {
                broken(&with_causes(Error::source(&**error).unwrap_or(&**error)))
            }
            (
                DisconnectReason::ByPeer | DisconnectReason::InsideFrame | DisconnectReason::Failed(_),
                Address::Tcp(place),
            ) if received.is_empty() => {
                let message = format!("{place} closed the connection at the first frame");
                Failure::new(Status::NoConnection, message).hint(format!("if it wants TLS, write tls://{place}"))
            }
            _ => lost(reason, asked),
        }
    }

    /// Returns the failure of a call to a service whose first bytes are those of another protocol.
    fn of_another_protocol(&self, received: &[u8]) -> Option<Failure> {
        let place = match &*self.address {
            Address::Tcp(place) | Address::Tls(place) => place,
            Address::Unix(_) => return None,
        };
        if received.starts_with(b"HTTP/") {
            let message = format!("{place} speaks HTTP, not Nest's TCP transport");
            let hint = "a hybrid application has a second port, that of connectMicroservice()";
            return Some(Failure::new(Status::NoConnection, message).hint(hint));
        }
        // The record of an alert, of any version of TLS (RFC 8446 §5.1).
        if received.starts_with(&[0x15, 3]) && !self.address.is_tls() {
            let message = format!("{place} speaks TLS");
            return Some(Failure::new(Status::NoConnection, message).hint(format!("write tls://{place}")));
        }
        None
    }
}

fn rpc_failure(error: &RpcError, asked: &Asked) -> Failure {
    let failure = Failure::verbatim(Status::Unwanted, as_javascript_writes(error.err()));
    match asked {
        Asked::Message { route, .. } if error.is_no_handler() => failure.hint(format!(
            "asked for the route {route}; nest-wire route explains how patterns meet"
        )),
        _ if error.message().as_deref() == Some("Internal server error") => {
            failure.hint("Nest hides what is not an RpcException; see the service's log")
        }
        _ => failure,
    }
}

/// Returns true if the service has sent what is no frame, or a frame that is no packet.
fn is_broken(error: &ConnectionError) -> bool {
    matches!(error, ConnectionError::Decode(_) | ConnectionError::Packet(_))
}

fn broken(fault: &str) -> Failure {
    Failure::new(Status::Unwanted, format_args!("the service broke the framing: {fault}"))
}

fn lost(reason: &DisconnectReason, asked: &Asked) -> Failure {
    let when = match asked {
        Asked::Event => "before the event was sent".to_owned(),
        Asked::Message { values: 0, .. } => "before the answer".to_owned(),
        Asked::Message { values: 1, .. } => "after the first value".to_owned(),
        Asked::Message { values, .. } => format!("after {values} values"),
    };
    let reason = match reason {
        DisconnectReason::ByPeer => "closed by the service".to_owned(),
        DisconnectReason::InsideFrame => "closed by the service in the middle of a frame".to_owned(),
        DisconnectReason::Failed(error) if is_reset(error) => "reset by the service".to_owned(),
        reason => with_causes(reason),
    };
    let message = format!("the connection was lost {when}: {reason}");
    Failure::new(Status::NoConnection, message)
}

fn is_reset(error: &ConnectionError) -> bool {
    matches!(error, ConnectionError::Io(error) if error.kind() == io::ErrorKind::ConnectionReset)
}

/// Returns the value on one line, as `JSON.stringify` would write it, or as it came if it is nested
/// deeper than we read.
pub(crate) fn as_javascript_writes(json: &RawJson) -> String {
    match json::parse(json.as_str()) {
        Ok(value) => value.to_string(),
        // Outside of strings, which have none, line ends are space.
        Err(_) => json.as_str().replace(['\r', '\n'], " "),
    }
}
