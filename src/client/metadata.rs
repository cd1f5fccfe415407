//! What is attached to each packet of a client. Knows nothing of links.

use std::{
    borrow::Cow,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::{js, packet::RawJson};

/// Metadata as the user gave it, and where the deadline goes.
#[derive(Debug, Clone, Default)]
pub(super) struct Metadata {
    own: Option<RawJson>,
    /// The deadline's key as JSON text, colon included.
    deadline: Option<Arc<str>>,
}

impl Metadata {
    pub(super) fn with(&self, own: RawJson) -> Self {
        Self {
            own: Some(own),
            ..self.clone()
        }
    }

    pub(super) fn with_deadline(&self, key: &str) -> Self {
        let key = js::Value::from(key).stringify() + ":";
        Self {
            deadline: Some(key.into()),
            ..self.clone()
        }
    }

    /// The JSON text of a packet whose call is given up after `timeout`.
    pub(super) fn json(&self, timeout: Duration) -> Option<Cow<'_, str>> {
        let own = self.own.as_ref().map(RawJson::as_str);
        let since_1970 = || SystemTime::now().duration_since(UNIX_EPOCH).ok()?.checked_add(timeout);
        match (
            own,
            self.deadline
                .as_deref()
                .zip(self.deadline.as_ref().and_then(|_| since_1970())),
        ) {
            (own, Some((key, deadline))) => with_member(own, key, deadline.as_millis()),
            (own, None) => own.map(Cow::Borrowed),
        }
    }
}

/// Adds a member to a text that is an object, or makes one of nothing.
fn with_member<'a>(own: Option<&'a str>, key: &str, deadline: u128) -> Option<Cow<'a, str>> {
    let members = match own {
        None => "",
        Some(own) => match own.strip_prefix('{').and_then(|own| own.strip_suffix('}')) {
            Some(members) => members,
            None => return Some(Cow::Borrowed(own)),
        },
    };
    let comma = if members.is_empty() { "" } else { "," };
    Some(Cow::Owned(format!("{{{members}{comma}{key}{deadline}}}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(metadata: &Metadata) -> Option<String> {
        metadata.json(Duration::from_secs(30)).map(Cow::into_owned)
    }

    fn raw(text: &'static str) -> RawJson {
        RawJson::new(text).expect("JSON")
    }

    #[test]
    fn without_a_deadline_metadata_is_what_was_given() {
        assert_eq!(json(&Metadata::default()), None);
        assert_eq!(json(&Metadata::default().with(raw("[1]"))), Some("[1]".to_owned()));
    }

    #[test]
    fn the_deadline_joins_the_members_of_an_object() {
        assert_eq!(with_member(None, "\"d\":", 7).expect("some"), r#"{"d":7}"#);
        assert_eq!(with_member(Some("{}"), "\"d\":", 7).expect("some"), r#"{"d":7}"#);
        let both = with_member(Some(r#"{"a":{}}"#), "\"d\":", 7).expect("some");
        assert_eq!(both, r#"{"a":{},"d":7}"#);
        assert_eq!(with_member(Some("[1]"), "\"d\":", 7).expect("some"), "[1]");
    }

    #[test]
    fn a_deadline_is_now_and_the_timeout_in_milliseconds() {
        let metadata = Metadata::default().with_deadline("a\"b");
        let json = json(&metadata).expect("a deadline");
        let millis: u128 = json
            .strip_prefix(r#"{"a\"b":"#)
            .and_then(|rest| rest.strip_suffix('}'))
            .and_then(|digits| digits.parse().ok())
            .expect("a number");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("later").as_millis();
        assert!((now + 29_000..=now + 30_000).contains(&millis), "{millis} at {now}");
        assert!(metadata.json(Duration::MAX).is_none(), "later than time goes");
    }
}
