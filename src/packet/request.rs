//! Packets of a caller: requests, which expect a reply, and events, which do not.

use std::{cell::Cell, fmt::Write, ops::Range};

use bytes::BytesMut;
use bytestring::ByteString;

use super::{CallId, Frame, PacketError, RawJson};
use crate::{
    compat::Compat,
    json::{self, ExpectedKey},
    pattern::Pattern,
};

/// A request or an event as received (`server/server-tcp.js`, `handleMessage`; `docs/PROTOCOL.md`
/// §2).
///
/// `None` is JavaScript's undefined: the key is absent. `null` is a value like any other.
///
/// ```
/// use nest_wire::packet::IncomingRequest;
///
/// let packet = IncomingRequest::read(&r#"{"pattern":"sum","data":[1,2],"id":"7"}"#.into())?;
/// assert!(!packet.is_event());
/// assert_eq!(packet.data.unwrap().parse::<Vec<u32>>()?, [1, 2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct IncomingRequest {
    /// The pattern to which the packet is addressed.
    pub pattern: Option<RawJson>,
    /// The data that the handler receives.
    pub data: Option<RawJson>,
    /// The metadata that instrumentation attached (Nest 12.1 and later).
    pub metadata: Option<RawJson>,
    /// The id that the replies must carry, as Node would write it back. An event has no id.
    pub id: Option<RawJson>,
}

impl IncomingRequest {
    /// Reads a frame's text.
    ///
    /// A packet with neither `pattern` nor `data` is read as an event without a pattern, even if it
    /// has an `id`: Nest treats it as another system's message and drops all its members
    /// (`deserializers/incoming-request.deserializer.js`).
    ///
    /// # Errors
    /// [`PacketError`]: the text is not JSON.
    pub fn read(text: &ByteString) -> Result<Self, PacketError> {
        let frame = Frame::from(text);
        let members = RequestMembers::read(frame)?;
        let keep = |value| frame.keep(value);
        Ok(Self {
            pattern: members.pattern.map(keep),
            data: members.data.map(keep),
            metadata: members.metadata.map(keep),
            id: members.id.as_ref().map(ReplyId::keep),
        })
    }

    /// Returns true if no caller waits for a reply, that is, if the `id` is absent. An `id` of
    /// `null` counts as an id.
    #[must_use]
    pub fn is_event(&self) -> bool {
        self.id.is_none()
    }
}

/// The keys in the order in which Nest's client writes them.
const KEYS: [ExpectedKey; 4] = [
    ExpectedKey::new("pattern"),
    ExpectedKey::new("data"),
    ExpectedKey::new("metadata"),
    ExpectedKey::new("id"),
];

/// The members of an [`IncomingRequest`], borrowed from the frame. Sharing the frame's memory costs
/// too much for code that reads a packet and does not keep it.
#[derive(Debug, Default)]
pub(crate) struct RequestMembers<'f> {
    pub(crate) pattern: Option<&'f str>,
    pub(crate) data: Option<&'f str>,
    pub(crate) metadata: Option<&'f str>,
    pub(crate) id: Option<ReplyId<'f>>,
}

impl<'f> RequestMembers<'f> {
    /// Reads a frame as [`IncomingRequest::read`] does.
    pub(crate) fn read(frame: Frame<'f>) -> Result<Self, PacketError> {
        let text = frame.as_str();
        let [pattern, data, metadata, id] = json::members(text, &KEYS)
            .map_err(|source| PacketError::new(text, source))?
            .values;
        if pattern.is_none() && data.is_none() {
            return Ok(Self::default());
        }
        Ok(Self {
            pattern,
            data,
            metadata,
            id: id.map(|id| ReplyId::new(frame, id)),
        })
    }
}

/// The id that replies must carry, as Node would write it back.
#[derive(Debug)]
pub(crate) enum ReplyId<'f> {
    /// The text in the request, unchanged.
    In {
        frame: Frame<'f>,
        id: &'f str,
    },
    Owned(RawJson),
}

impl<'f> ReplyId<'f> {
    fn new(frame: Frame<'f>, id: &'f str) -> Self {
        if json::is_plain_string(id) {
            Self::In { frame, id }
        } else {
            Self::Owned(frame.keep(id).normalised())
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::In { id, .. } => id,
            Self::Owned(id) => id.as_str(),
        }
    }

    /// Returns the id in a form that may outlive the borrowed frame.
    pub(crate) fn keep(&self) -> RawJson {
        match self {
            Self::In { frame, id } => frame.keep(id),
            Self::Owned(id) => id.clone(),
        }
    }
}

/// Appends a request as Nest's client writes it: `pattern` unchanged, `metadata` after `data`, `id`
/// last.
pub fn write_request(out: &mut BytesMut, pattern: &RawJson, data: &RawJson, metadata: Option<&RawJson>, id: CallId) {
    write_head(out, pattern, data, metadata);
    // Writing into a buffer that grows can't fail.
    let _ = write!(out, "{ID}\"{id}\"}}");
}

/// Appends an event as Nest's client writes it. `route` is the pattern's route, as a JSON string.
pub fn write_event(out: &mut BytesMut, route: &RawJson, data: &RawJson, metadata: Option<&RawJson>) {
    write_head(out, route, data, metadata);
    out.extend_from_slice(b"}");
}

fn write_head(out: &mut BytesMut, pattern: &RawJson, data: &RawJson, metadata: Option<&RawJson>) {
    out.extend_from_slice(PATTERN.as_bytes());
    out.extend_from_slice(pattern.as_str().as_bytes());
    out.extend_from_slice(DATA.as_bytes());
    out.extend_from_slice(data.as_str().as_bytes());
    if let Some(metadata) = metadata {
        out.extend_from_slice(METADATA.as_bytes());
        out.extend_from_slice(metadata.as_str().as_bytes());
    }
}

const PATTERN: &str = "{\"pattern\":";
const DATA: &str = ",\"data\":";
const METADATA: &str = ",\"metadata\":";
const ID: &str = ",\"id\":";

thread_local! {
    /// The memory of a retired draft, for the next draft.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Maximum capacity, in bytes, of a draft's memory that is kept for reuse.
const KEPT: usize = 4096;

/// A request or an event that is written member by member; each member is serialised directly into
/// its place.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    text: Vec<u8>,
    pattern: Range<usize>,
}

impl Draft {
    /// Returns the draft of a packet that was finished and not sent, without its id.
    pub(crate) fn reopened(mut text: Vec<u8>, has_id: bool) -> Self {
        // Ids contain no quotes, so the last occurrence is the start of the id.
        let end = match has_id {
            true => memchr::memmem::rfind(&text, ID.as_bytes()),
            false => text.len().checked_sub(1),
        };
        text.truncate(end.unwrap_or_default());
        Self { text, pattern: 0..0 }
    }

    /// Returns a draft with this text, which lacks an id and its closing brace.
    pub(crate) fn of_text(text: String) -> Self {
        Self {
            text: text.into_bytes(),
            pattern: 0..0,
        }
    }

    /// Returns a copy with its own memory.
    pub(crate) fn copied(&self) -> Self {
        Self {
            text: self.text.clone(),
            pattern: self.pattern.clone(),
        }
    }

    /// Begins a request with its `pattern`.
    pub(crate) fn request(&mut self, pattern: &Pattern) {
        self.address(|text| pattern.value().write_to(text));
    }

    /// Begins an event with its route, which is a string whatever the type of the pattern.
    pub(crate) fn event(&mut self, pattern: &Pattern, compat: Compat) {
        match pattern.value() {
            // The route of a string is the string itself.
            json::Value::String(_) => self.request(pattern),
            _ => self.address(|text| text.push_str(&pattern.route(compat).to_json())),
        }
    }

    fn address(&mut self, write: impl FnOnce(&mut String)) {
        // The vector is empty, so the check for UTF-8 costs nothing.
        let mut text = String::from_utf8(SPARE.take()).unwrap_or_default();
        // Reserves enough for most packets in one step.
        text.reserve(192);
        text.push_str(PATTERN);
        let start = text.len();
        write(&mut text);
        self.pattern = start..text.len();
        text.push_str(DATA);
        self.text = text.into_bytes();
    }

    /// Appends the data. Returns the bytes that `write` appended.
    ///
    /// # Errors
    /// Those of `write`.
    pub(crate) fn data<E>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<&[u8], E> {
        let start = self.text.len();
        write(&mut self.text)?;
        Ok(&self.text[start..])
    }

    /// Appends the metadata, which is JSON text. The data must have been appended before.
    pub(crate) fn metadata(&mut self, json: &str) {
        self.text.extend_from_slice(METADATA.as_bytes());
        self.text.extend_from_slice(json.as_bytes());
    }

    /// Returns the pattern's JSON text.
    pub(crate) fn pattern(&self) -> &str {
        std::str::from_utf8(&self.text[self.pattern.clone()]).expect("it was written as text")
    }

    /// Returns the number of bytes written so far.
    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }

    /// Returns the frame's text. The `id` of an event is `None`.
    pub(crate) fn finish(&mut self, id: Option<CallId>) -> Vec<u8> {
        let mut text = std::mem::take(&mut self.text);
        end(id, &mut text);
        text
    }

    /// Appends the frame's text to `out`.
    pub(crate) fn finish_into(&self, id: Option<CallId>, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.text);
        end(id, out);
    }

    /// Retires the draft: its memory is kept for the next draft.
    pub(crate) fn retire(&mut self) {
        let mut text = std::mem::take(&mut self.text);
        if (1..=KEPT).contains(&text.capacity()) {
            text.clear();
            // Fails only when the thread is ending, where the memory is not needed.
            let _ = SPARE.try_with(|spare| spare.set(text));
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        self.retire();
    }
}

fn end(id: Option<CallId>, text: &mut Vec<u8>) {
    text.reserve(64);
    if let Some(id) = id {
        text.extend_from_slice(ID.as_bytes());
        text.push(b'"');
        id.append(text);
        text.push(b'"');
    }
    text.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &'static str) -> IncomingRequest {
        IncomingRequest::read(&text.into()).expect("JSON")
    }

    fn raw(text: &'static str) -> RawJson {
        RawJson::trusted(text)
    }

    #[test]
    fn a_written_request_is_read_back() {
        let mut out = BytesMut::new();
        let id = CallId::digits(0xabc);
        write_request(&mut out, &raw(r#"{"cmd":"sum"}"#), &raw("[1]"), Some(&raw("{}")), id);
        let text = r#"{"pattern":{"cmd":"sum"},"data":[1],"metadata":{},"id":"000000000000000000abc"}"#;
        assert_eq!(out, text);
        let packet = read(text);
        assert_eq!(packet.pattern, Some(raw(r#"{"cmd":"sum"}"#)));
        assert_eq!(packet.data, Some(raw("[1]")));
        assert_eq!(packet.metadata, Some(raw("{}")));
        assert_eq!(packet.id, Some(raw(r#""000000000000000000abc""#)));
    }

    #[test]
    fn a_draft_becomes_the_same_packet() {
        let id = CallId::digits(0xabc);
        let pattern = Pattern::object([("cmd", "sum")]);
        let (data, metadata) = (raw("[1]"), raw("{}"));
        let append = |text: &mut Vec<u8>| {
            text.extend_from_slice(b"[1]");
            Ok::<_, std::io::Error>(())
        };
        let mut out = BytesMut::new();
        write_request(&mut out, &raw(r#"{"cmd":"sum"}"#), &data, Some(&metadata), id);
        let mut draft = Draft::default();
        draft.request(&pattern);
        assert_eq!(draft.pattern(), r#"{"cmd":"sum"}"#);
        assert_eq!(draft.data(append).expect("appended"), b"[1]");
        draft.metadata("{}");
        assert_eq!(draft.finish(Some(id)), out);

        let mut out = BytesMut::new();
        write_event(&mut out, &raw(r#""{\"cmd\":\"sum\"}""#), &data, None);
        let mut draft = Draft::default();
        draft.event(&pattern, Compat::Nest12);
        draft.data(append).expect("appended");
        assert_eq!(draft.finish(None), out);
    }

    #[test]
    fn a_written_event_has_no_id() {
        let mut out = BytesMut::new();
        write_event(&mut out, &raw("\"log\""), &raw("\"求和\""), None);
        assert_eq!(out, r#"{"pattern":"log","data":"求和"}"#);
    }

    #[test]
    fn an_id_of_null_is_an_id() {
        assert!(!read(r#"{"pattern":"a","id":null}"#).is_event());
        assert!(read(r#"{"pattern":"a"}"#).is_event());
    }

    #[test]
    fn without_pattern_and_data_even_an_id_counts_for_nothing() {
        assert!(read(r#"{"id":1}"#).is_event());
        assert!(!read(r#"{"id":1,"data":null}"#).is_event());
        for foreign in ["{}", "5", "[1]", "\"text\"", "null", "false"] {
            assert!(read(foreign).is_event(), "{foreign}");
        }
    }

    #[test]
    fn of_equal_keys_the_last_counts() {
        assert_eq!(read(r#"{"data":1,"data":2}"#).data, Some(raw("2")));
    }

    #[test]
    fn ids_come_back_as_node_would_write_them() {
        assert_eq!(read(r#"{"data":1,"id":1.0}"#).id, Some(raw("1")));
        assert_eq!(read(r#"{"data":1,"id":"\u0041"}"#).id, Some(raw("\"A\"")));
        assert_eq!(
            read(r#"{"data":1,"id":{ "b":1, "0":2 }}"#).id,
            Some(raw(r#"{"0":2,"b":1}"#))
        );
    }
}
