//! One packet of a reply as it came, to be passed on with another id.

use std::{fmt, ops::Range};

use bytestring::ByteString;

use super::{RawJson, RpcError};

/// One packet of a reply as it came: its whole text, whose id can be replaced.
#[derive(Clone, PartialEq, Eq)]
pub struct ReplyPacket {
    text: ByteString,
    /// Where the id stands in the text, in bytes.
    id: Range<usize>,
    is_last: bool,
    err: Option<RawJson>,
}

impl ReplyPacket {
    pub(super) const fn from_parts(text: ByteString, id: Range<usize>, is_last: bool, err: Option<RawJson>) -> Self {
        Self { text, id, is_last, err }
    }

    /// Returns the whole text, with the id of the packet's own request.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns true if the packet ends its call: it has an error, is marked as the last, or has a
    /// member that no reply of Nest has.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        self.is_last
    }

    /// Returns the service's error, if the packet has one.
    ///
    /// ```
    /// use nest_wire::packet::ReplyPacket;
    ///
    /// let packet = ReplyPacket::new(r#"{"err":"odd","isDisposed":true,"id":"a"}"#)?.expect("it has an id");
    /// assert_eq!(packet.error().expect("an error").err().as_str(), r#""odd""#);
    /// # Ok::<(), nest_wire::packet::PacketError>(())
    /// ```
    #[must_use]
    pub fn error(&self) -> Option<RpcError> {
        self.err.clone().map(RpcError::from_raw)
    }

    /// Returns the text before the id and the text after it.
    pub(crate) fn around_id(&self) -> [&str; 2] {
        [&self.text[..self.id.start], &self.text[self.id.end..]]
    }

    /// Returns the text with this id in place of its own.
    #[must_use]
    pub fn with_id(&self, id: &RawJson) -> String {
        let [before, after] = self.around_id();
        [before, id.as_str(), after].concat()
    }
}

impl fmt::Debug for ReplyPacket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReplyPacket").field(&self.as_str()).finish()
    }
}
