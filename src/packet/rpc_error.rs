//! The error that a reply carries: Nest's `RpcException` in its form on the wire.

use std::{error::Error, fmt, sync::Arc};

use serde::Serialize;

use super::RawJson;
use crate::json::{self, Value};

/// The `err` of a reply: the error with which a handler fails, and which the caller receives
/// (`exceptions/base-rpc-exception-filter.js`; `docs/PROTOCOL.md` §2).
///
/// Like `RpcException`, it carries a message or any other JSON. For every *other* error the caller
/// receives only "Internal server error", as in Nest: `?` converts any [`std::error::Error`] into
/// that, and the server logs the cause.
///
/// ```
/// use nest_wire::packet::RpcError;
///
/// fn halve(text: &str) -> Result<u32, RpcError> {
///     let number: u32 = text.parse()?; // answers "Internal server error", logs the rest
///     if number % 2 == 1 {
///         return Err(RpcError::new("odd"));
///     }
///     Ok(number / 2)
/// }
///
/// let odd = r#"{"status":"error","message":"odd"}"#;
/// assert_eq!(halve("3").unwrap_err().err().as_str(), odd);
/// let internal = r#"{"status":"error","message":"Internal server error"}"#;
/// assert_eq!(halve("x").unwrap_err().err().as_str(), internal);
/// ```
#[derive(Clone)]
pub struct RpcError {
    err: RawJson,
    /// The cause of the failure, which is logged and not sent.
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

impl RpcError {
    /// Returns the equivalent of `new RpcException(message)`: `{"status":"error","message":…}`.
    #[must_use]
    pub fn new(message: impl fmt::Display) -> Self {
        Self::with_message(&message.to_string())
    }

    /// Returns the equivalent of `new RpcException(value)`: an object or array is sent unchanged,
    /// any other value becomes the message.
    ///
    /// # Errors
    /// `value` cannot be serialised.
    pub fn from_value<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        let value = RawJson::from_value(value)?;
        Ok(match value.as_str().as_bytes().first() {
            Some(b'{' | b'[') => Self::from_raw(value),
            _ => Self::from_raw(RawJson::trusted(format!(r#"{{"status":"error","message":{value}}}"#))),
        })
    }

    /// Returns the error that an exception filter sends with `throwError(() => exception)`, where
    /// the exception is `new RpcException(value)`: the exception itself, `{"error":…,"message":…}`
    /// (`exceptions/rpc-exception.js`).
    ///
    /// ```
    /// use nest_wire::packet::RpcError;
    ///
    /// let error = RpcError::from_exception("odd")?;
    /// assert_eq!(error.err().as_str(), r#"{"error":"odd","message":"odd"}"#);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ///
    /// # Errors
    /// `value` cannot be serialised.
    pub fn from_exception<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        let error = RawJson::from_value(value)?;
        let message = exception_message(&error);
        Ok(Self::from_raw(RawJson::trusted(format!(
            r#"{{"error":{error},"message":{message}}}"#
        ))))
    }

    /// Returns the equivalent of `new RpcException()`: `{"status":"error"}`, because the message is
    /// undefined.
    #[must_use]
    pub const fn without_message() -> Self {
        Self::from_raw_static(r#"{"status":"error"}"#)
    }

    /// Returns the error that Nest sends when anything but an `RpcException` is thrown.
    #[must_use]
    pub const fn internal() -> Self {
        Self::from_raw_static(r#"{"status":"error","message":"Internal server error"}"#)
    }

    /// Returns the error that a caller receives for a message without a handler.
    ///
    /// A handler, a fallback or a guard that returns this error declines the message: the reply is
    /// the packet that Nest sends for a pattern without a handler, and the log and the metrics
    /// record it as such. (A stream that fails with this error after it has begun sends it like any
    /// other error.)
    ///
    /// ```
    /// use nest_wire::{packet::RpcError, server::{Context, Router}};
    ///
    /// let router: Router = Router::new().fallback(async |context: Context| match context.pattern.as_deref() {
    ///     Some("ping") => Ok("pong"),
    ///     _ => Err(RpcError::no_handler()),
    /// });
    /// ```
    #[must_use]
    pub const fn no_handler() -> Self {
        Self::from_raw_static("\"There is no matching message handler defined in the remote service.\"")
    }

    /// Returns true if this is the error of a message without a handler, in Nest's exact words.
    #[must_use]
    pub fn is_no_handler(&self) -> bool {
        self.err == Self::no_handler().err
    }

    /// Returns the error with exactly this `err`.
    #[must_use]
    pub const fn from_raw(err: RawJson) -> Self {
        Self { err, cause: None }
    }

    /// Returns [`internal`](Self::internal) with its cause, for the log.
    #[must_use]
    pub fn internal_from(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::internal().with_cause(cause)
    }

    /// Returns the same error with this cause, for the log and for layers.
    #[must_use]
    pub fn with_cause(self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            cause: Some(Arc::from(cause.into())),
            ..self
        }
    }

    /// Returns the `err` as it is on the wire.
    #[must_use]
    pub const fn err(&self) -> &RawJson {
        &self.err
    }

    /// Returns the error's `message`, if it has one that is text.
    #[must_use]
    pub fn message(&self) -> Option<String> {
        #[derive(serde::Deserialize)]
        struct Message {
            message: String,
        }
        self.err.parse::<Message>().ok().map(|err| err.message)
    }

    /// Returns the cause, if the `err` does not contain it: the error that made the handler fail,
    /// or the reason for which the packet was refused.
    #[must_use]
    pub fn cause(&self) -> Option<&(dyn Error + Send + Sync + 'static)> {
        self.cause.as_deref()
    }

    fn with_message(message: &str) -> Self {
        let message = serde_json::Value::from(message);
        Self::from_raw(RawJson::trusted(format!(r#"{{"status":"error","message":{message}}}"#)))
    }

    const fn from_raw_static(err: &'static str) -> Self {
        Self::from_raw(RawJson::trusted_static(err))
    }
}

/// Returns the message of an `RpcException` with this value, as JSON (`RpcException.initMessage`).
fn exception_message(error: &RawJson) -> RawJson {
    if error.as_str().starts_with('"') {
        return error.clone();
    }
    let own = json::parse(error.as_str()).ok();
    match own.as_ref().and_then(|value| value.get("message")) {
        Some(message @ Value::String(_)) => RawJson::trusted(message.stringify()),
        _ => RawJson::trusted_static("\"Rpc Exception\""),
    }
}

/// The cause of a [`RpcError::no_handler`] that was sent to a client: the pattern's JSON text.
#[derive(Debug, thiserror::Error)]
#[error("the service has no handler for {0}")]
pub(crate) struct NoHandler(pub(crate) String);

impl<E: Error + Send + Sync + 'static> From<E> for RpcError {
    fn from(cause: E) -> Self {
        Self::internal_from(cause)
    }
}

impl fmt::Debug for RpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("RpcError");
        out.field("err", &self.err);
        if let Some(cause) = &self.cause {
            out.field("cause", cause);
        }
        out.finish()
    }
}

impl fmt::Display for RpcError {
    /// Writes the `err` as JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.err.fmt(f)
    }
}

impl PartialEq for RpcError {
    /// Returns true if both errors are the same on the wire.
    fn eq(&self, other: &Self) -> bool {
        self.err == other.err
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_is_wrapped_and_an_object_is_not() {
        assert_eq!(
            RpcError::new("a \"b\"").to_string(),
            r#"{"status":"error","message":"a \"b\""}"#
        );
        let object = RpcError::from_value(&json!({"code": 7})).expect("JSON");
        assert_eq!(object.to_string(), r#"{"code":7}"#);
        let number = RpcError::from_value(&7).expect("JSON");
        assert_eq!(number.to_string(), r#"{"status":"error","message":7}"#);
        assert_eq!(RpcError::without_message().to_string(), r#"{"status":"error"}"#);
    }

    #[test]
    fn any_other_error_is_internal_and_keeps_its_cause() {
        let error = RpcError::from(std::io::Error::other("disk on fire"));
        assert_eq!(error, RpcError::internal());
        assert_eq!(error.cause().expect("a cause").to_string(), "disk on fire");
        assert_eq!(error.message().as_deref(), Some("Internal server error"));
    }
}
