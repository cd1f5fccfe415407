//! The error for data or metadata that a handler can't take.

use std::fmt;

use serde::de::DeserializeOwned;

use crate::{
    json,
    packet::{RawJson, RpcError},
    server::reply::IntoRpcError,
    telemetry::first_characters,
};

/// The reason why a packet was rejected before its handler ran.
///
/// The caller receives what is wrong and where: ``invalid payload at `items[3].price`: invalid
/// type: …``. Layers can distinguish it from a handler's own error, because it is the
/// [cause](RpcError::cause) of the [`RpcError`].
///
/// ```
/// use nest_wire::server::{Reply, extract::Rejection};
///
/// fn is_the_callers_fault(reply: &Reply) -> bool {
///     matches!(reply, Reply::Error(error) if error.cause().is_some_and(|cause| cause.is::<Rejection>()))
/// }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The packet does not have this part.
    #[error("invalid {0}: there is none")]
    Missing(Part),
    /// The part does not fit the handler's type.
    #[error("invalid {part}{}", Place(.path))]
    Mismatch {
        /// The part that does not fit.
        part: Part,
        /// The place of the mismatch: `items[3].price`, or `.` for the whole part. A long path is
        /// cut.
        path: String,
        /// The found and the expected value, with line and column in bytes.
        #[source]
        mismatch: serde_json::Error,
    },
}

/// A part of a packet that handlers take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// The packet's `data`.
    Payload,
    /// The packet's `metadata`.
    Metadata,
}

/// Maximum length of a path, in characters.
const MAX_PATH: usize = 256;
/// Maximum length of the message to the caller, in characters.
const MAX_MESSAGE: usize = 1024;

impl Rejection {
    /// Decodes the part once more to find the place of the mismatch, which would cost too much the
    /// first time. Returns the rejection.
    pub(super) fn explain<T: DeserializeOwned>(json: &RawJson, part: Part, mismatch: serde_json::Error) -> Self {
        let path = match json::path_of_mismatch::<T>(json.as_str()) {
            // The path contains the caller's keys, which may be long.
            Some(path) => first_characters(&path, MAX_PATH).to_owned(),
            None => ".".to_owned(),
        };
        Self::Mismatch { part, path, mismatch }
    }
}

impl IntoRpcError for Rejection {
    fn into_rpc_error(self) -> RpcError {
        let answer = match &self {
            Self::Mismatch { mismatch, .. } => {
                // The message may quote a key or a text of the caller.
                RpcError::new(first_characters(&format!("{self}: {mismatch}"), MAX_MESSAGE))
            }
            Self::Missing(_) => RpcError::new(&self),
        };
        answer.with_cause(self)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Payload => "payload",
            Self::Metadata => "metadata",
        })
    }
}

/// The place of a mismatch; empty if it is the whole part.
struct Place<'a>(&'a str);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            "." => Ok(()),
            path => write!(f, " at `{path}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[expect(dead_code, reason = "only ever refused")]
    struct Order {
        items: Vec<Item>,
    }

    #[derive(Debug, serde::Deserialize)]
    #[expect(dead_code, reason = "only ever refused")]
    struct Item {
        price: f64,
    }

    fn rejected(text: &'static str) -> String {
        let json = RawJson::new(text).expect("JSON");
        let mismatch = json.parse::<Order>().expect_err("not an order");
        let rejection = Rejection::explain::<Order>(&json, Part::Payload, mismatch);
        rejection.into_rpc_error().message().expect("a message")
    }

    #[test]
    fn the_path_in_the_payload_is_named() {
        assert_eq!(
            rejected(r#"{"items":[{"price":1},{"price":"2"}]}"#),
            "invalid payload at `items[1].price`: invalid type: string \"2\", expected f64 at line 1 column 34"
        );
    }

    #[test]
    fn a_caller_does_not_get_all_of_its_own_megabyte_back() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Empty {}
        type Numbers = std::collections::HashMap<String, u8>;

        let key = "k".repeat(1_000_000);
        for json in [format!(r#"{{"{key}":"x"}}"#), format!(r#"{{"a":"{key}"}}"#)] {
            let json = RawJson::new(json).expect("JSON");
            let numbers = json.parse::<Numbers>().expect_err("no numbers");
            let empty = json.parse::<Empty>().expect_err("a member too many");
            for rejection in [
                Rejection::explain::<Numbers>(&json, Part::Payload, numbers),
                Rejection::explain::<Empty>(&json, Part::Payload, empty),
            ] {
                let message = rejection.into_rpc_error().message().expect("a message");
                assert!(
                    message.starts_with("invalid payload") && message.len() <= MAX_MESSAGE,
                    "{}",
                    message.len()
                );
            }
        }
    }

    #[test]
    fn what_is_wrong_as_a_whole_needs_no_path() {
        assert_eq!(
            rejected("{}"),
            "invalid payload: missing field `items` at line 1 column 2"
        );
    }
}
