//! A request as it came, to be passed on.

use std::fmt;

use bytestring::ByteString;

use super::{CallId, PacketError, RawJson};
use crate::json;

/// A request or an event as it came: its whole text, members that Nest does not know included.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestPacket(ByteString);

impl RequestPacket {
    /// Makes a packet of a frame's text, which must be JSON.
    pub(crate) const fn trusted(text: ByteString) -> Self {
        Self(text)
    }

    /// Makes a packet of its text.
    ///
    /// # Errors
    /// [`PacketError`]: the text is not JSON.
    pub fn new(text: impl Into<ByteString>) -> Result<Self, PacketError> {
        let text = text.into();
        match json::members(&text, &[]) {
            Ok(_) => Ok(Self(text)),
            Err(source) => Err(PacketError::new(&text, source)),
        }
    }

    /// Makes the packet of a request of its members.
    pub(crate) fn made(pattern: Option<&str>, data: Option<&RawJson>, metadata: Option<&RawJson>) -> Self {
        let mut text = String::from("{");
        if let Some(pattern) = pattern {
            text += "\"pattern\":";
            json::push_quoted_str(pattern, &mut text);
            text += ",";
        }
        for (name, value) in [("data", data), ("metadata", metadata)] {
            if let Some(value) = value {
                text += &format!("\"{name}\":{},", value.as_str());
            }
        }
        Self((text + "\"id\":null}").into())
    }

    /// Returns the whole text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the packet's text with this id in place of its own. The id comes last, where Nest's
    /// clients write it.
    #[must_use]
    pub fn with_id(&self, id: CallId) -> String {
        let members = self.without_id();
        let comma = if members.len() > 1 { "," } else { "" };
        format!("{members}{comma}\"id\":\"{id}\"}}")
    }

    /// Returns the packet's text without an id, which makes it an event.
    #[must_use]
    pub fn as_event(&self) -> String {
        self.other_members() + "}"
    }

    /// Returns the text without its id and without its closing brace, for the id of another caller,
    /// which comes last: as Nest's clients write it. Members keep their order and their spelling.
    pub(crate) fn without_id(&self) -> String {
        match self.before_last_id() {
            Some(members) => members.to_owned(),
            None => self.other_members(),
        }
    }

    /// Returns the text before the id if that comes last and is a string without escapes, as Nest's
    /// clients write it: nearly always, and without reading the packet. The text is JSON, so no
    /// string contains `,"id":"`. (If the packet has a further id before, the last one counts.)
    fn before_last_id(&self) -> Option<&str> {
        let (before, id) = self.0.strip_suffix("\"}")?.rsplit_once(",\"id\":\"")?;
        (!id.contains(['"', '\\'])).then_some(before)
    }

    /// Returns the text of all members but ids, `{` included and `}` not.
    pub(crate) fn other_members(&self) -> String {
        json::without(&self.0, "id").unwrap_or_else(|_| "{".to_owned())
    }
}

impl fmt::Debug for RequestPacket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RequestPacket").field(&self.as_str()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_replaced_wherever_it_stands() {
        let id = CallId::digits(0xabc);
        for (text, members) in [
            (r#"{"pattern":"a","data":1,"id":"x"}"#, r#"{"pattern":"a","data":1,"#),
            (r#"{"id":"x","pattern":"a"}"#, r#"{"pattern":"a","#),
            (
                r#"{"pattern":"a","data":{"b":1,"id":"x"}}"#,
                r#"{"pattern":"a","data":{"b":1,"id":"x"},"#,
            ),
            (r#"{"data":"\",\"id\":\"x"}"#, r#"{"data":"\",\"id\":\"x","#),
            (r#"{"data":1,"id":"a\"b"}"#, r#"{"data":1,"#),
            (r#"{"data":1,"id": 5 }"#, r#"{"data":1,"#),
            (r#"{"id":"x"}"#, "{"),
            ("[1]", "{"),
        ] {
            let packet = RequestPacket::new(text).expect("JSON");
            assert_eq!(packet.with_id(id), format!(r#"{members}"id":"{id}"}}"#), "{text}");
        }
        let twice = RequestPacket::new(r#"{"id":1,"data":2,"id":"x"}"#).expect("JSON");
        assert_eq!(twice.as_event(), r#"{"data":2}"#);
    }

    #[test]
    fn a_request_is_any_json() {
        assert!(RequestPacket::new("[1]").is_ok());
        assert!(RequestPacket::new("{").is_err());
    }
}
