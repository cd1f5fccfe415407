//! The metadata that a client attaches to each packet. Independent of connections.

use std::{
    borrow::Cow,
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tracing::Span;

use crate::{json, packet::RawJson};

/// The metadata given by the user, and the member for the deadline.
#[derive(Debug, Clone, Default)]
pub(in crate::client) struct CallMetadata {
    own: Option<RawJson>,
    /// The deadline's key as JSON text, colon included.
    deadline: Option<Arc<str>>,
    /// True if the context of OpenTelemetry is passed on.
    #[cfg(feature = "otel")]
    is_traced: bool,
}

impl CallMetadata {
    pub(in crate::client) fn with(&self, own: RawJson) -> Self {
        Self {
            own: Some(own),
            ..self.clone()
        }
    }

    pub(in crate::client) fn with_deadline(&self, key: &str) -> Self {
        let key = json::Value::from(key).stringify() + ":";
        Self {
            deadline: Some(key.into()),
            ..self.clone()
        }
    }

    #[cfg(feature = "otel")]
    pub(in crate::client) fn traced(&self) -> Self {
        Self {
            is_traced: true,
            ..self.clone()
        }
    }

    /// Returns true if the context of OpenTelemetry is passed on.
    #[cfg_attr(not(feature = "otel"), expect(clippy::unused_self, reason = "there are no traces"))]
    pub(in crate::client) const fn is_traced(&self) -> bool {
        #[cfg(feature = "otel")]
        return self.is_traced;
        #[cfg(not(feature = "otel"))]
        false
    }

    /// Returns the JSON text of the metadata for one packet, or `None` if there is none. `timeout`
    /// and `span` are those of the call.
    #[cfg_attr(not(feature = "otel"), expect(unused_variables, reason = "there are no traces"))]
    #[inline]
    pub(in crate::client) fn json(&self, timeout: Duration, span: &Span) -> Option<Cow<'_, str>> {
        let own = self.own.as_ref().map(|own| Cow::Borrowed(own.as_str()));
        let own = match &self.deadline {
            Some(key) => with_deadline(own, key, timeout),
            None => own,
        };
        #[cfg(feature = "otel")]
        if self.is_traced {
            return with_context(own, &crate::telemetry::inject_context(span));
        }
        own
    }
}

fn with_deadline<'a>(own: Option<Cow<'a, str>>, key: &str, timeout: Duration) -> Option<Cow<'a, str>> {
    let since_1970 = || SystemTime::now().duration_since(UNIX_EPOCH).ok()?.checked_add(timeout);
    match since_1970() {
        Some(deadline) => Some(with_member(own, key, deadline.as_millis())),
        None => own,
    }
}

/// Returns `own` with one more member, or an object with this member if there is no text. A text
/// that is not an object is returned unchanged. `key` is JSON text, colon included.
fn with_member<'a>(own: Option<Cow<'a, str>>, key: &str, value: impl fmt::Display) -> Cow<'a, str> {
    let Some(own) = own else {
        return Cow::Owned(format!("{{{key}{value}}}"));
    };
    let Some(members) = own.strip_prefix('{').and_then(|own| own.strip_suffix('}')) else {
        return own;
    };
    let comma = if members.is_empty() { "" } else { "," };
    Cow::Owned(format!("{{{members}{comma}{key}{value}}}"))
}

/// Returns the metadata with the members that carry a trace's context. They replace members of the
/// same name, which are present if a handler passes on the metadata that it received.
#[cfg(feature = "otel")]
fn with_context<'a>(own: Option<Cow<'a, str>>, members: &[(String, String)]) -> Option<Cow<'a, str>> {
    let own = own.map(|own| without(own, members));
    members.iter().fold(own, |own, (key, value)| {
        let text = |text: &str| json::Value::from(text).stringify();
        Some(with_member(own, &(text(key) + ":"), text(value)))
    })
}

#[cfg(feature = "otel")]
fn without<'a>(own: Cow<'a, str>, members: &[(String, String)]) -> Cow<'a, str> {
    let is_named = |key: &str| members.iter().any(|(name, _)| name == key);
    if !members.iter().any(|(name, _)| own.contains(name.as_str())) {
        return own;
    }
    let Ok(json::Value::Object(object)) = json::parse(&own) else {
        return own;
    };
    let mut kept = json::Object::new();
    for (key, value) in object.iter() {
        if !key.as_str().is_some_and(is_named) {
            kept.insert(key.clone(), value.clone());
        }
    }
    Cow::Owned(json::Value::Object(kept).stringify())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(metadata: &CallMetadata) -> Option<String> {
        metadata
            .json(Duration::from_secs(30), &Span::none())
            .map(Cow::into_owned)
    }

    fn raw(text: &'static str) -> RawJson {
        RawJson::new(text).expect("JSON")
    }

    #[test]
    fn without_a_deadline_metadata_is_what_was_given() {
        assert_eq!(json(&CallMetadata::default()), None);
        assert_eq!(json(&CallMetadata::default().with(raw("[1]"))), Some("[1]".to_owned()));
    }

    #[test]
    fn the_deadline_joins_the_members_of_an_object() {
        let with = |own: Option<&'static str>| with_member(own.map(Cow::Borrowed), "\"d\":", 7);
        assert_eq!(with(None), r#"{"d":7}"#);
        assert_eq!(with(Some("{}")), r#"{"d":7}"#);
        assert_eq!(with(Some(r#"{"a":{}}"#)), r#"{"a":{},"d":7}"#);
        assert_eq!(with(Some("[1]")), "[1]");
    }

    #[test]
    fn a_deadline_is_now_and_the_timeout_in_milliseconds() {
        let metadata = CallMetadata::default().with_deadline("a\"b");
        let json = json(&metadata).expect("a deadline");
        let millis: u128 = json
            .strip_prefix(r#"{"a\"b":"#)
            .and_then(|rest| rest.strip_suffix('}'))
            .and_then(|digits| digits.parse().ok())
            .expect("a number");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("later").as_millis();
        assert!((now + 29_000..=now + 30_000).contains(&millis), "{millis} at {now}");
        assert!(
            metadata.json(Duration::MAX, &Span::none()).is_none(),
            "later than time goes"
        );
    }
    #[cfg(feature = "otel")]
    #[test]
    fn a_context_takes_the_place_of_the_one_that_is_passed_on() {
        let members = [
            ("traceparent".to_owned(), "new".to_owned()),
            ("tracestate".to_owned(), "a=\"b".to_owned()),
        ];
        let with = |own: Option<&'static str>| with_context(own.map(Cow::Borrowed), &members).expect("metadata");
        assert_eq!(with(None), r#"{"traceparent":"new","tracestate":"a=\"b"}"#);
        assert_eq!(
            with(Some(
                r#"{"traceparent":"old","user":{"traceparent":1},"tracestate":""}"#
            )),
            r#"{"user":{"traceparent":1},"traceparent":"new","tracestate":"a=\"b"}"#
        );
        assert_eq!(with(Some("\"no object\"")), "\"no object\"");
        assert_eq!(with_context(Some(Cow::Borrowed("{}")), &[]).expect("metadata"), "{}");
    }
}
