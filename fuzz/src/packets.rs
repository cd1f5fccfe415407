//! Packets: a reader finds what JavaScript would find, and a written packet is read back.

use bytes::BytesMut;
use bytestring::ByteString;
use nest_wire::{
    Compat,
    json::{self, ParseError, Value},
    packet::{
        CallId, IncomingReply, IncomingRequest, OutgoingReply, RawJson, ReplyOutcome, write_event, write_reply,
        write_request,
    },
};

use crate::json_values::is_truthy;

/// Asserts that the members of requests and replies are those of the JSON value, that ids come back
/// as JavaScript writes them, and that a packet that is written and read again is the same.
pub fn packets(input: &[u8]) {
    let text = ByteString::from(String::from_utf8_lossy(input).into_owned());
    let request = IncomingRequest::read(&text);
    match json::parse(&text) {
        Ok(value) => {
            let request = request.expect("it is JSON");
            request_is_that_of(&request, &value);
            survives_a_round_trip(&request);
            for &compat in Compat::ALL {
                let reply = IncomingReply::read(&text, compat).expect("it is JSON");
                reply_is_that_of(&reply, &value, compat);
                reply_survives_a_round_trip(&reply, compat);
            }
        }
        Err(ParseError::TooDeep { .. }) => {}
        Err(_) => {
            assert!(request.is_err(), "{request:?} was read from what is no JSON");
            for &compat in Compat::ALL {
                assert!(
                    IncomingReply::read(&text, compat).is_err(),
                    "what is no JSON is a reply"
                );
            }
        }
    }
}

fn parsed(raw: Option<&RawJson>) -> Option<Value> {
    raw.map(|raw| {
        assert_eq!(raw, &RawJson::new(raw.as_str()).expect("raw JSON is JSON"));
        json::parse(raw.as_str()).expect("raw JSON is JSON")
    })
}

fn member<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    value.as_object().and_then(|members| members.get(key))
}

fn request_is_that_of(request: &IncomingRequest, value: &Value) {
    let is_foreign = member(value, "pattern").is_none() && member(value, "data").is_none();
    let expected = |key| if is_foreign { None } else { member(value, key) };
    assert_eq!(parsed(request.pattern.as_ref()).as_ref(), expected("pattern"));
    assert_eq!(parsed(request.data.as_ref()).as_ref(), expected("data"));
    assert_eq!(parsed(request.metadata.as_ref()).as_ref(), expected("metadata"));
    let id = request.id.as_ref().map(RawJson::as_str);
    assert_eq!(id, expected("id").map(Value::stringify).as_deref());
    assert_eq!(request.is_event(), id.is_none());
}

fn survives_a_round_trip(request: &IncomingRequest) {
    let (Some(pattern), Some(data)) = (&request.pattern, &request.data) else {
        return;
    };
    let metadata = request.metadata.as_ref();
    let mut text = BytesMut::new();
    write_event(&mut text, pattern, data, metadata);
    let mut expected = IncomingRequest::read(&ours(&text)).expect("what is written is JSON");
    let found = (&expected.pattern, &expected.data, &expected.metadata, &expected.id);
    assert_eq!(found, (&request.pattern, &request.data, &request.metadata, &None));
    for &compat in Compat::ALL {
        let id = CallId::random(compat);
        let mut text = BytesMut::new();
        write_request(&mut text, pattern, data, metadata, id);
        let again = IncomingRequest::read(&ours(&text)).expect("what is written is JSON");
        assert_eq!(again.id.as_ref().and_then(CallId::read), Some(id));
        expected.id.clone_from(&again.id);
        assert_eq!(again, expected);
    }
}

fn ours(text: &BytesMut) -> ByteString {
    ByteString::try_from(text.clone().freeze()).expect("what is written is UTF-8")
}

/// Checks a reply by the rules of `docs/PROTOCOL.md` §4.4 and §4.5.
fn reply_is_that_of(reply: &IncomingReply, value: &Value, compat: Compat) {
    assert_eq!(parsed(reply.id.as_ref()).as_ref(), member(value, "id"));
    let has = |key| member(value, key).is_some();
    let is_truthy = |key| member(value, key).is_some_and(is_truthy);
    let is_foreign = match compat {
        Compat::Nest12 => {
            let known = ["id", "err", "response", "isDisposed", "status"];
            let count = value.as_object().map_or(0, nest_wire::json::Object::len);
            count == 0 || count != known.into_iter().filter(|key| has(key)).count()
        }
        _ => !(has("err") || has("response") || has("isDisposed")),
    };
    let expected = match () {
        () if is_foreign => ("completed", Some(value)),
        () if is_truthy("err") => ("failed", member(value, "err")),
        () if is_truthy("isDisposed") => ("completed", member(value, "response")),
        () => ("value", member(value, "response")),
    };
    let (kind, raw) = match &reply.outcome {
        ReplyOutcome::Value(raw) => ("value", raw.as_ref()),
        ReplyOutcome::Completed(raw) => ("completed", raw.as_ref()),
        ReplyOutcome::Failed(raw) => ("failed", Some(raw)),
        other => panic!("an outcome that this test does not know: {other:?}"),
    };
    assert_eq!((kind, parsed(raw).as_ref()), expected, "as {compat}");
}

fn reply_survives_a_round_trip(reply: &IncomingReply, compat: Compat) {
    let Some(id) = &reply.id else { return };
    let body = match &reply.outcome {
        ReplyOutcome::Value(Some(value)) => OutgoingReply::Value(value),
        ReplyOutcome::Completed(Some(value)) => OutgoingReply::Last(value),
        ReplyOutcome::Value(None) if compat >= Compat::Nest12 => OutgoingReply::Undefined,
        ReplyOutcome::Completed(None) => OutgoingReply::Completion,
        ReplyOutcome::Failed(err) => OutgoingReply::Error(err),
        _ => return,
    };
    let mut text = BytesMut::new();
    write_reply(&mut text, body, id);
    let again = IncomingReply::read(&ours(&text), compat).expect("what is written is JSON");
    assert_eq!(again, *reply);
}
