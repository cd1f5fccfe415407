//! The kinds of packets, by their members.

use std::fmt;

use nest_wire::{
    Compat,
    packet::{IncomingReply, IncomingRequest, RawJson, ReplyOutcome},
    pattern::IncomingPattern,
    recording::Side,
};

/// What a packet is to Nest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// A caller's message, which expects replies.
    Request,
    /// A caller's event.
    Event,
    /// A value, after which more may follow.
    Value,
    /// The last value.
    Last,
    /// The end of the values, without a value.
    Completion,
    /// The error of a handler.
    Error,
    /// No handler is registered for the pattern.
    NoHandler,
    /// Bytes that are not a frame.
    Broken,
}

impl Kind {
    /// All kinds, by the names that users type.
    pub(crate) const ALL: [(&'static str, Self); 8] = [
        ("request", Self::Request),
        ("event", Self::Event),
        ("value", Self::Value),
        ("last", Self::Last),
        ("completion", Self::Completion),
        ("error", Self::Error),
        ("nohandler", Self::NoHandler),
        ("broken", Self::Broken),
    ];

    /// Returns the name that users type.
    pub(crate) fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, kind)| *kind == self)
            .map_or("", |(name, _)| name)
    }

    /// Returns true if no reply follows this one.
    pub(crate) fn is_final(self) -> bool {
        matches!(self, Self::Last | Self::Completion | Self::Error | Self::NoHandler)
    }

    pub(crate) fn is_error(self) -> bool {
        matches!(self, Self::Error | Self::NoHandler | Self::Broken)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Last => "last value",
            Self::NoHandler => "no handler",
            other => other.name(),
        })
    }
}

/// The members of a packet that matter to a reader of traffic.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Packet {
    pub(crate) kind: Kind,
    /// The pattern of a request or event, as it is registered: canonical JSON, or the string itself.
    pub(crate) pattern: Option<String>,
    /// The id, as Node would write it back.
    pub(crate) id: Option<RawJson>,
    /// The data, value or error.
    pub(crate) payload: Option<RawJson>,
    /// The metadata of a request or event.
    pub(crate) metadata: Option<RawJson>,
}

const NO_HANDLER: &str = "\"There is no matching message handler defined in the remote service.\"";

impl Packet {
    /// Reads a frame's text, which is JSON. Returns `None` if it is not.
    pub(crate) fn read(from: Side, text: &str) -> Option<Self> {
        match from {
            Side::Caller => IncomingRequest::read(&text.into()).ok().map(Self::of_caller),
            Side::Service => IncomingReply::read(&text.into(), Compat::default())
                .ok()
                .map(Self::of_service),
        }
    }

    fn of_caller(packet: IncomingRequest) -> Self {
        Self {
            kind: if packet.is_event() { Kind::Event } else { Kind::Request },
            pattern: Some(
                packet
                    .pattern
                    .map_or_else(|| "undefined".to_owned(), |raw| route(raw.as_str())),
            ),
            id: packet.id,
            payload: packet.data,
            metadata: packet.metadata,
        }
    }

    fn of_service(packet: IncomingReply) -> Self {
        let (kind, payload) = match packet.outcome {
            ReplyOutcome::Completed(None) => (Kind::Completion, None),
            ReplyOutcome::Completed(value) => (Kind::Last, value),
            ReplyOutcome::Failed(error) if error.as_str() == NO_HANDLER => (Kind::NoHandler, None),
            ReplyOutcome::Failed(error) => (Kind::Error, Some(error)),
            ReplyOutcome::Value(value) => (Kind::Value, value),
            other => unreachable!("a version of the library that does not know {other:?}"),
        };
        Self {
            kind,
            pattern: None,
            // A service of Node writes the id that it parsed; another one may spell it otherwise.
            id: packet.id.map(normalised),
            payload,
            metadata: None,
        }
    }
}

fn normalised(id: RawJson) -> RawJson {
    match nest_wire::json::parse(id.as_str()) {
        Ok(value) => RawJson::from_value(&value).unwrap_or(id),
        Err(_) => id,
    }
}

/// Returns the route of a pattern, by which its handler is found.
pub(super) fn route(pattern: &str) -> String {
    let read = IncomingPattern::read(pattern, Compat::default());
    let route = read
        .ok()
        .and_then(|pattern| pattern.route().map(|route| route.as_str().map(str::to_owned)));
    route.flatten().unwrap_or_else(|| pattern.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_known_by_its_members() {
        for (from, text, kind, pattern, payload) in [
            (
                Side::Caller,
                r#"{"pattern":"sum","data":[1],"id":"a"}"#,
                Kind::Request,
                Some("sum"),
                Some("[1]"),
            ),
            (
                Side::Caller,
                r#"{"pattern":"log","data":1}"#,
                Kind::Event,
                Some("log"),
                Some("1"),
            ),
            (
                Side::Caller,
                r#"{"pattern":{"b":1,"a":"x"},"id":1}"#,
                Kind::Request,
                Some(r#"{"a":"x","b":1}"#),
                None,
            ),
            (
                Side::Service,
                r#"{"response":1,"id":"a"}"#,
                Kind::Value,
                None,
                Some("1"),
            ),
            (
                Side::Service,
                r#"{"id":"a","isDisposed":true,"response":1}"#,
                Kind::Last,
                None,
                Some("1"),
            ),
            (
                Side::Service,
                r#"{"isDisposed":true,"id":"a"}"#,
                Kind::Completion,
                None,
                None,
            ),
            (
                Side::Service,
                r#"{"err":"no","isDisposed":true,"id":"a"}"#,
                Kind::Error,
                None,
                Some("\"no\""),
            ),
            (
                Side::Service,
                r#"{"id":"a","status":"error","err":"There is no matching message handler defined in the remote service."}"#,
                Kind::NoHandler,
                None,
                None,
            ),
        ] {
            let packet = Packet::read(from, text).expect("JSON");
            assert_eq!(packet.kind, kind, "{text}");
            assert_eq!(packet.pattern.as_deref(), pattern, "{text}");
            assert_eq!(packet.payload.as_ref().map(RawJson::as_str), payload, "{text}");
        }
    }
}
