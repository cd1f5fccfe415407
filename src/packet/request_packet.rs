//! A request as it came, to be passed on.

use std::fmt;

use bytestring::ByteString;

use super::{CallId, Frame, PacketError, RawJson, RequestMembers};
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

    /// Returns true if the packet has this data and this metadata. No metadata is that of any
    /// packet: services of older majors drop it.
    pub(crate) fn has(&self, data: Option<&RawJson>, metadata: Option<&RawJson>) -> bool {
        let Ok(packet) = RequestMembers::read(Frame::from(&self.0)) else {
            return false;
        };
        packet.data == data.map(RawJson::as_str)
            && (metadata.is_none() || packet.metadata == metadata.map(RawJson::as_str))
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
        self.without_id() + "}"
    }

    /// Returns the text without its id and without its closing brace, for the id of another caller,
    /// which comes last: as Nest's clients write it. Members keep their order and their spelling.
    pub(crate) fn without_id(&self) -> String {
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
    fn a_request_is_any_json() {
        assert!(RequestPacket::new("[1]").is_ok());
        assert!(RequestPacket::new("{").is_err());
    }
}
