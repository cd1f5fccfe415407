//! Nest's `HttpException`, in its form in the `err` of a reply.

use super::{RawJson, RpcError};
use crate::json::{self, Value};

/// The status and body with which a gateway should answer a browser (`@nestjs/common`,
/// `exceptions/http.exception.js`).
///
/// A service that throws a `HttpException` replies "Internal server error", because only
/// `RpcException`s cross the wire. The exception must be wrapped in an `RpcException`, in either of
/// two ways, or passed on by an exception filter:
///
/// | in Nest | here | `err` |
/// | --- | --- | --- |
/// | `throw new RpcException(e)`, or `throwError(() => e)` in a filter | [`to_rpc_error`](Self::to_rpc_error) | `{"response":{"message":"no user","error":"Not Found","statusCode":404},"status":404,"options":{},"message":"no user","name":"NotFoundException"}` |
/// | `throw new RpcException(e.getResponse())` | [`response_to_rpc_error`](Self::response_to_rpc_error) | `{"message":"no user","error":"Not Found","statusCode":404}` |
///
/// [`HttpException::from_rpc_error`] reads both forms, also inside the `error` of an `RpcException`
/// that a filter sent whole ([`RpcError::from_exception`]). Nest 7 writes the first form without
/// `options` and `name`.
///
/// ```
/// use nest_wire::packet::{HttpException, RpcError};
///
/// fn find(id: u32) -> Result<String, RpcError> {
///     Err(HttpException::new(404, format_args!("no user {id}")).response_to_rpc_error())
/// }
///
/// let error = find(7).unwrap_err();
/// assert_eq!(error.err().as_str(), r#"{"message":"no user 7","error":"Not Found","statusCode":404}"#);
/// let exception = HttpException::from_rpc_error(&error).expect("one of HTTP");
/// assert_eq!((exception.status(), exception.message().as_deref()), (404, Some("no user 7")));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct HttpException {
    status: u16,
    response: Value,
}

/// The exceptions for which Nest has a class: status, text, name.
const CLASSES: &[(u16, &str, &str)] = &[
    (400, "Bad Request", "BadRequestException"),
    (401, "Unauthorized", "UnauthorizedException"),
    (403, "Forbidden", "ForbiddenException"),
    (404, "Not Found", "NotFoundException"),
    (405, "Method Not Allowed", "MethodNotAllowedException"),
    (406, "Not Acceptable", "NotAcceptableException"),
    (408, "Request Timeout", "RequestTimeoutException"),
    (409, "Conflict", "ConflictException"),
    (410, "Gone", "GoneException"),
    (412, "Precondition Failed", "PreconditionFailedException"),
    (413, "Payload Too Large", "PayloadTooLargeException"),
    (415, "Unsupported Media Type", "UnsupportedMediaTypeException"),
    (418, "I'm a teapot", "ImATeapotException"),
    (421, "Misdirected", "MisdirectedException"),
    (422, "Unprocessable Entity", "UnprocessableEntityException"),
    (500, "Internal Server Error", "InternalServerErrorException"),
    (501, "Not Implemented", "NotImplementedException"),
    (502, "Bad Gateway", "BadGatewayException"),
    (503, "Service Unavailable", "ServiceUnavailableException"),
    (504, "Gateway Timeout", "GatewayTimeoutException"),
    (505, "HTTP Version Not Supported", "HttpVersionNotSupportedException"),
];

impl HttpException {
    /// Returns the equivalent of `new NotFoundException(message)`, or of the class that Nest has
    /// for the status. For a status without a class, it is `new HttpException({ message, statusCode
    /// }, status)`.
    #[must_use]
    pub fn new(status: u16, message: impl std::fmt::Display) -> Self {
        let message = message.to_string();
        let response = match class(status) {
            Some((_, text, _)) => crate::json!({ "message": message, "error": *text, "statusCode": status }),
            None => crate::json!({ "message": message, "statusCode": status }),
        };
        Self { status, response }
    }

    /// Returns the equivalent of `new HttpException(response, status)`, with a body of your own:
    /// text or an object.
    #[must_use]
    pub fn with_response(status: u16, response: impl Into<Value>) -> Self {
        let response = response.into();
        Self { status, response }
    }

    /// Reads the error of a service, in any of the forms in which it may be written. Returns `None`
    /// if the error is not an HTTP exception.
    #[must_use]
    pub fn from_rpc_error(error: &RpcError) -> Option<Self> {
        let err = json::parse(error.err().as_str()).ok()?;
        Self::from_err(&err).or_else(|| Self::from_err(err.get("error")?))
    }

    fn from_err(err: &Value) -> Option<Self> {
        if let Some(status) = err.get("status").and_then(http_status) {
            return Some(Self::with_response(status, err.get("response")?.clone()));
        }
        let status = err.get("statusCode").and_then(http_status)?;
        Some(Self::with_response(status, err.clone()))
    }

    /// Returns the HTTP status, for example 404 (`getStatus()`).
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// Returns the body (`getResponse()`).
    #[must_use]
    pub const fn response(&self) -> &Value {
        &self.response
    }

    /// Returns the message: the body if it is text, otherwise the body's `message`. Several
    /// messages, as Nest's `ValidationPipe` produces them, are joined with commas.
    #[must_use]
    pub fn message(&self) -> Option<String> {
        match &self.response {
            Value::String(text) => Some(text.to_string_lossy().into_owned()),
            response => match response.get("message")? {
                Value::String(text) => Some(text.to_string_lossy().into_owned()),
                Value::Array(texts) => Some(texts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")),
                _ => None,
            },
        }
    }

    /// Returns the error that `new RpcException(exception)` produces, with the exception's own
    /// members.
    #[must_use]
    pub fn to_rpc_error(&self) -> RpcError {
        let known = class(self.status).filter(|(_, text, _)| self.has_error(text));
        let text = |value: &Value| value.as_str().map(str::to_owned);
        // As `HttpException.initMessage` does: a list of messages does not become the exception's
        // message.
        let message = text(&self.response).or_else(|| text(self.response.get("message")?));
        let name = known.map_or("HttpException", |(_, _, name)| name);
        let mut exception = crate::json::Object::new();
        exception.insert("response", self.response.clone());
        exception.insert("status", self.status);
        if known.is_some() {
            exception.insert("options", crate::json::Object::new());
        }
        exception.insert("message", message.unwrap_or_else(|| in_words(name)));
        exception.insert("name", name);
        RpcError::from_raw(RawJson::trusted(exception.stringify()))
    }

    /// Returns the error that `new RpcException(exception.getResponse())` produces: an object
    /// unchanged, text as the message.
    #[must_use]
    pub fn response_to_rpc_error(&self) -> RpcError {
        match &self.response {
            Value::String(text) => RpcError::new(text),
            response => RpcError::from_raw(RawJson::trusted(response.stringify())),
        }
    }

    fn has_error(&self, text: &str) -> bool {
        self.response.get("error").and_then(Value::as_str) == Some(text)
    }
}

/// Returns the number if it is an integer that fits a `u16`.
fn http_status(value: &Value) -> Option<u16> {
    let number = value.as_f64()?;
    let status = number as u16;
    (f64::from(status) == number).then_some(status)
}

fn class(status: u16) -> Option<&'static (u16, &'static str, &'static str)> {
    CLASSES.iter().find(|(of, _, _)| *of == status)
}

/// Returns the class name as words: `BadRequestException` becomes `Bad Request Exception`. Nest
/// omits words of one letter.
fn in_words(name: &str) -> String {
    let starts = name.char_indices().filter(|(_, c)| c.is_ascii_uppercase());
    let starts: Vec<usize> = starts.map(|(at, _)| at).chain([name.len()]).collect();
    let words = starts.windows(2).map(|ends| &name[ends[0]..ends[1]]);
    words.filter(|word| word.len() > 1).collect::<Vec<_>>().join(" ")
}

impl From<HttpException> for RpcError {
    /// Converts as [`HttpException::response_to_rpc_error`] does, the form that gateways usually
    /// read.
    fn from(exception: HttpException) -> Self {
        exception.response_to_rpc_error()
    }
}
