//! Replies of a server: any number of packets for one request, of which the last is marked as the
//! last.

use bytes::BytesMut;
use bytestring::ByteString;

use super::{CallId, Frame, PacketError, RawJson, ReplyPacket, raw::is_truthy};
use crate::{
    compat::Compat,
    json::{self, ExpectedKey},
};

/// One reply to a request, as a server writes it (`server/server.js`, `send`; `docs/PROTOCOL.md`
/// §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutgoingReply<'a> {
    /// A value; more may follow.
    Value(&'a RawJson),
    /// The last value.
    Last(&'a RawJson),
    /// An undefined value; more may follow. Nest 11 and older take the packet for the end of the
    /// call, and the whole packet for the last value.
    Undefined,
    /// The end of the values. If there was no value before it, the handler returned undefined.
    Completion,
    /// The handler failed with this `err`.
    Error(&'a RawJson),
    /// No handler is registered for messages of this pattern.
    NoHandler,
    /// A packet as another service sent it, but for its id.
    Packet(&'a ReplyPacket),
}

/// Appends the packet of `reply` to the request with this `id`, with its keys in Nest's order.
///
/// ```
/// use nest_wire::packet::{RawJson, OutgoingReply, write_reply};
///
/// let mut out = bytes::BytesMut::new();
/// write_reply(&mut out, OutgoingReply::Last(&RawJson::from_value(&6)?), &RawJson::from_value("7")?);
/// assert_eq!(out, r#"{"response":6,"isDisposed":true,"id":"7"}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
pub fn write_reply(out: &mut BytesMut, reply: OutgoingReply<'_>, id: &RawJson) {
    for piece in reply.pieces(id.as_str()) {
        out.extend_from_slice(piece.as_bytes());
    }
}

impl<'a> OutgoingReply<'a> {
    /// Returns the reply's value or error, if it has one.
    pub(crate) fn payload(self) -> Option<&'a RawJson> {
        match self {
            Self::Value(payload) | Self::Last(payload) | Self::Error(payload) => Some(payload),
            Self::Undefined | Self::Completion | Self::NoHandler | Self::Packet(_) => None,
        }
    }

    /// Returns the text that [`write_reply`] appends, in pieces; the second piece is the
    /// [`payload`](Self::payload), if there is one. The first, third and fifth are always among the
    /// same few ASCII texts, but for a [`Packet`](Self::Packet).
    #[inline(always)]
    pub(crate) fn pieces(self, id: &'a str) -> [&'a str; 5] {
        let (before, payload, after) = match self {
            Self::Value(response) => ("{\"response\":", response.as_str(), ",\"id\":"),
            Self::Last(response) => ("{\"response\":", response.as_str(), ",\"isDisposed\":true,\"id\":"),
            Self::Completion => ("{\"isDisposed\":true,\"id\":", "", ""),
            Self::Error(err) => ("{\"err\":", err.as_str(), ",\"isDisposed\":true,\"id\":"),
            Self::Undefined => return ["{\"id\":", id, "}", "", ""],
            Self::NoHandler => return ["{\"id\":", id, NO_HANDLER, "", ""],
            Self::Packet(packet) => {
                let [before, after] = packet.around_id();
                return [before, id, after, "", ""];
            }
        };
        [before, payload, after, id, "}"]
    }
}

/// The only packet with a different key order, because Nest creates it in a different place.
const NO_HANDLER: &str =
    ",\"status\":\"error\",\"err\":\"There is no matching message handler defined in the remote service.\"}";

/// A reply as received (`client/client-tcp.js`, `handleResponse`; `docs/PROTOCOL.md` §2).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct IncomingReply {
    /// The id of the call that the reply belongs to, as written in the packet; `None` if the key is
    /// absent.
    pub id: Option<RawJson>,
    /// The meaning of the reply.
    pub outcome: ReplyOutcome,
}

/// The meaning of a reply to the caller. `None` is JavaScript's undefined.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplyOutcome {
    /// A value; more may follow.
    Value(Option<RawJson>),
    /// The call has ended, perhaps with a last value.
    Completed(Option<RawJson>),
    /// The call has failed with this `err`.
    Failed(RawJson),
}

impl IncomingReply {
    /// Reads a frame's text.
    ///
    /// A packet is foreign if it has a key that no Nest reply has, or no keys at all: the whole
    /// packet is delivered as the last value (`deserializers/incoming-response.deserializer.js`).
    /// For Nest 11 and older, a packet is foreign if it has none of `err`, `response` and
    /// `isDisposed`.
    ///
    /// # Errors
    /// [`PacketError`]: the text is not JSON.
    pub fn read(text: &ByteString, compat: Compat) -> Result<Self, PacketError> {
        let frame = Frame::from(text);
        let ReplyMembers { id, outcome } = ReplyMembers::read(frame, compat)?;
        Ok(Self {
            id: id.map(|id| frame.keep(id)),
            outcome,
        })
    }
}

/// The members of an [`IncomingReply`], with the id still borrowed from the frame because it is
/// read only once.
#[derive(Debug)]
pub(crate) struct ReplyMembers<'f> {
    pub(crate) id: Option<&'f str>,
    pub(crate) outcome: ReplyOutcome,
}

/// Reads `{"response":…,"isDisposed":true,"id":"…"}` in exactly this form, with an id of this
/// client. Nearly every reply has this form, and reading it needs no search for members. Returns
/// `None` for any other packet.
pub(crate) fn read_fast(frame: Frame<'_>) -> Option<(CallId, ReplyOutcome)> {
    let rest = frame.as_str().strip_prefix("{\"response\":")?;
    let (response, rest) = rest.split_at(json::value_end(rest)?);
    let id = rest.strip_prefix(",\"isDisposed\":true,\"id\":")?.strip_suffix('}')?;
    let id = CallId::read_text(id)?;
    Some((id, ReplyOutcome::Completed(Some(frame.keep(response)))))
}

impl<'f> ReplyMembers<'f> {
    /// Reads a frame as [`IncomingReply::read`] does.
    pub(crate) fn read(frame: Frame<'f>, compat: Compat) -> Result<Self, PacketError> {
        let text = frame.as_str();
        let found = json::members(text, &KEYS).map_err(|source| PacketError::new(text, source))?;
        let [err, response, is_disposed, id, status] = found.values;
        let seen = Envelope {
            err,
            response,
            is_disposed,
            has_envelope_keys: id.is_some() || status.is_some(),
            has_others: found.has_others,
        };
        Ok(Self {
            id,
            outcome: seen.outcome(frame, compat),
        })
    }
}

impl ReplyPacket {
    /// Makes a packet of its text.
    ///
    /// # Errors
    /// [`PacketError`]: the text is not JSON. A text without an id is not a reply to any request,
    /// and is `Ok(None)`.
    pub fn new(text: impl Into<ByteString>) -> Result<Option<Self>, PacketError> {
        let text = text.into();
        let reply = ReplyMembers::read(Frame::from(&text), Compat::NEWEST)?;
        let Some(id) = reply.id else { return Ok(None) };
        let is_last = !matches!(reply.outcome, ReplyOutcome::Value(_));
        let start = id.as_ptr() as usize - text.as_ptr() as usize;
        let id = start..start + id.len();
        let err = match reply.outcome {
            ReplyOutcome::Failed(err) => Some(err),
            ReplyOutcome::Value(_) | ReplyOutcome::Completed(_) => None,
        };
        Ok(Some(Self::from_parts(text, id, is_last, err)))
    }
}

/// The keys in the order in which Nest's server writes them; the last one is rare.
const KEYS: [ExpectedKey; 5] = [
    ExpectedKey::new("err"),
    ExpectedKey::new("response"),
    ExpectedKey::new("isDisposed"),
    ExpectedKey::new("id"),
    ExpectedKey::new("status"),
];

/// The white-space characters of JSON.
const JSON_SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

struct Envelope<'f> {
    err: Option<&'f str>,
    response: Option<&'f str>,
    is_disposed: Option<&'f str>,
    /// True if the packet has `id` or `status`, which carry no outcome by themselves.
    has_envelope_keys: bool,
    has_others: bool,
}

impl Envelope<'_> {
    fn is_foreign(&self, compat: Compat) -> bool {
        let says_something = self.err.is_some() || self.response.is_some() || self.is_disposed.is_some();
        if compat.knows_envelope_keys() {
            self.has_others || !(says_something || self.has_envelope_keys)
        } else {
            !says_something
        }
    }

    fn outcome(&self, frame: Frame<'_>, compat: Compat) -> ReplyOutcome {
        let keep = |value| frame.keep(value);
        if self.is_foreign(compat) {
            ReplyOutcome::Completed(Some(keep(frame.as_str().trim_matches(JSON_SPACE))))
        } else if let Some(err) = self.err.filter(|err| is_truthy(err)) {
            ReplyOutcome::Failed(keep(err))
        } else if self.is_disposed.is_some_and(is_truthy) {
            ReplyOutcome::Completed(self.response.map(keep))
        } else {
            ReplyOutcome::Value(self.response.map(keep))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &'static str) -> RawJson {
        RawJson::trusted(text)
    }

    fn outcome(text: &'static str) -> ReplyOutcome {
        IncomingReply::read(&text.into(), Compat::Nest12).expect("JSON").outcome
    }

    #[test]
    fn each_reply_is_written_in_nests_order_and_read_back() {
        let (id, value, err) = (raw("\"a\""), raw("6"), raw("\"no\""));
        for (reply, text, read) in [
            (
                OutgoingReply::Value(&value),
                r#"{"response":6,"id":"a"}"#,
                ReplyOutcome::Value(Some(value.clone())),
            ),
            (
                OutgoingReply::Last(&value),
                r#"{"response":6,"isDisposed":true,"id":"a"}"#,
                ReplyOutcome::Completed(Some(value.clone())),
            ),
            (OutgoingReply::Undefined, r#"{"id":"a"}"#, ReplyOutcome::Value(None)),
            (
                OutgoingReply::Completion,
                r#"{"isDisposed":true,"id":"a"}"#,
                ReplyOutcome::Completed(None),
            ),
            (
                OutgoingReply::Error(&err),
                r#"{"err":"no","isDisposed":true,"id":"a"}"#,
                ReplyOutcome::Failed(err.clone()),
            ),
            (
                OutgoingReply::NoHandler,
                concat!(
                    r#"{"id":"a","status":"error","#,
                    r#""err":"There is no matching message handler defined in the remote service."}"#
                ),
                ReplyOutcome::Failed(raw(
                    "\"There is no matching message handler defined in the remote service.\"",
                )),
            ),
        ] {
            let mut out = BytesMut::new();
            write_reply(&mut out, reply, &id);
            assert_eq!(out, text);
            let packet = IncomingReply::read(&text.into(), Compat::Nest12).expect("JSON");
            assert_eq!((packet.id, packet.outcome), (Some(id.clone()), read));
        }
    }

    #[test]
    fn the_usual_reply_is_read_at_once_and_like_any_other() {
        let id = CallId::digits(0xabc);
        for value in ["6", "\"a\\\"\"", r#"{"isDisposed":[1,2]}"#, "null"] {
            let text = ByteString::from(format!(r#"{{"response":{value},"isDisposed":true,"id":"{id}"}}"#));
            let members = ReplyMembers::read((&text).into(), Compat::Nest12).expect("JSON");
            let read = members.id.and_then(CallId::read_json).map(|id| (id, members.outcome));
            assert_eq!(read_fast((&text).into()), read);
            assert!(read.is_some());
        }
    }

    #[test]
    fn what_is_not_just_so_is_left_to_the_others() {
        let id = CallId::digits(0xabc);
        for text in [
            format!(r#"{{"response":6,"id":"{id}"}}"#),
            format!(r#"{{"response":6,"isDisposed":true,"id":"{id}","id":1}}"#),
            format!(r#"{{"response":6,"isDisposed":true,"id":"{id}"}} "#),
            format!(r#"{{"response":,"isDisposed":true,"id":"{id}"}}"#),
            format!(r#"{{"response":6 ,"isDisposed":true,"id":"{id}"}}"#),
            format!(r#"{{"response":6,"isDisposed":true,"id":"{id}}}"#),
            r#"{"response":6,"isDisposed":true,"id":"a"}"#.to_owned(),
            r#"{"response":6,"isDisposed":true,"id":1}"#.to_owned(),
            r#"{"response":"#.to_owned(),
        ] {
            assert_eq!(read_fast((&ByteString::from(&*text)).into()), None, "{text}");
        }
    }

    #[test]
    fn a_falsy_err_is_no_error() {
        for err in ["\"\"", "0", "false", "null"] {
            let text = format!(r#"{{"err":{err},"isDisposed":true,"id":1}}"#);
            let packet = IncomingReply::read(&text.into(), Compat::Nest12).expect("JSON");
            assert_eq!(packet.outcome, ReplyOutcome::Completed(None), "{err}");
        }
    }

    #[test]
    fn a_foreign_packet_is_delivered_whole() {
        for text in [r#"{"id":1,"response":2,"more":3}"#, "{}", "[1]", "5"] {
            assert_eq!(outcome(text), ReplyOutcome::Completed(Some(raw(text))), "{text}");
        }
    }

    #[test]
    fn white_space_around_a_foreign_packet_is_no_part_of_its_value() {
        let ReplyOutcome::Completed(Some(value)) = outcome(" \n\tfalse\r ") else {
            panic!("a foreign packet is the last value");
        };
        assert_eq!(value.as_str(), "false");
        assert!(!value.is_truthy());
    }

    #[test]
    fn an_id_alone_is_an_undefined_value() {
        assert_eq!(outcome(r#"{"id":1}"#), ReplyOutcome::Value(None));
        assert_eq!(outcome(r#"{"id":1,"status":"error"}"#), ReplyOutcome::Value(None));
        assert_eq!(outcome(r#"{"status":"error"}"#), ReplyOutcome::Value(None));
    }

    #[test]
    fn to_nest_11_only_what_says_nothing_is_foreign() {
        let outcome = |text: &'static str| IncomingReply::read(&text.into(), Compat::Nest11).expect("JSON").outcome;
        let more = r#"{"id":1,"response":2,"more":3}"#;
        assert_eq!(outcome(more), ReplyOutcome::Value(Some(raw("2"))));
        for foreign in [r#"{"id":1}"#, r#"{"id":1,"status":"error"}"#, "{}", "[1]"] {
            assert_eq!(
                outcome(foreign),
                ReplyOutcome::Completed(Some(raw(foreign))),
                "{foreign}"
            );
        }
    }

    #[test]
    fn a_reply_keeps_all_but_its_id() {
        for (text, with, is_last) in [
            (
                r#"{"response":6,"isDisposed":true,"id":"x"}"#,
                r#"{"response":6,"isDisposed":true,"id":7}"#,
                true,
            ),
            (
                r#"{"id": "x", "response":"id", "more":[1]}"#,
                r#"{"id": 7, "response":"id", "more":[1]}"#,
                true,
            ),
            (
                r#"{"id":"x","status":"error","err":"no"}"#,
                r#"{"id":7,"status":"error","err":"no"}"#,
                true,
            ),
            (r#"{"id":"y","id":"x"}"#, r#"{"id":"y","id":7}"#, false),
        ] {
            let packet = ReplyPacket::new(text).expect("JSON").expect("a reply");
            assert_eq!(packet.with_id(&RawJson::new("7").expect("JSON")), with);
            assert_eq!(packet.is_last(), is_last, "{text}");
        }
        assert!(ReplyPacket::new("{}").expect("JSON").is_none());
        assert!(ReplyPacket::new("{").is_err());
    }
}
