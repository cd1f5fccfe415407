//! Reading and writing packets, and looking up their patterns.

use bytes::BytesMut;
use bytestring::ByteString;
use divan::{Bencher, black_box};
use nest_wire::{
    Compat,
    packet::{CallId, IncomingReply, IncomingRequest, OutgoingReply, RawJson, write_reply, write_request},
    pattern::IncomingPattern,
};

const REPLY: &str = r#"{"response":6,"isDisposed":true,"id":"0123456789abcdef01234"}"#;

/// Returns a request's text.
pub(crate) fn request_text(number: usize) -> String {
    format!(r#"{{"pattern":"sum","data":[1,2,3],"id":"{number:021}"}}"#)
}

#[divan::bench]
fn read_request(bencher: Bencher<'_, '_>) {
    let text = ByteString::from(request_text(1));
    bencher.bench_local(|| {
        let packet = IncomingRequest::read(black_box(&text)).expect("a request");
        assert!(packet.data.is_some() && packet.id.is_some());
        packet
    });
}

#[divan::bench]
fn read_reply(bencher: Bencher<'_, '_>) {
    let text = ByteString::from_static(REPLY);
    bencher.bench_local(|| {
        let packet = IncomingReply::read(black_box(&text), Compat::Nest12).expect("a reply");
        assert!(packet.id.is_some());
        packet
    });
}

#[divan::bench]
fn write_value(bencher: Bencher<'_, '_>) {
    let value = RawJson::from_value(&6).expect("JSON");
    let id = RawJson::from_value("0123456789abcdef01234").expect("JSON");
    let mut out = BytesMut::with_capacity(256);
    bencher.bench_local(|| {
        out.clear();
        write_reply(&mut out, OutgoingReply::Last(black_box(&value)), black_box(&id));
        assert_eq!(out.len(), REPLY.len());
    });
}

#[divan::bench]
fn write_call(bencher: Bencher<'_, '_>) {
    let (pattern, data) = (
        RawJson::from_value("sum").expect("JSON"),
        RawJson::from_value(&[1, 2, 3]).expect("JSON"),
    );
    let mut out = BytesMut::with_capacity(256);
    bencher.bench_local(|| {
        out.clear();
        write_request(&mut out, &pattern, &data, None, CallId::random(Compat::Nest12));
        assert_eq!(out.len(), request_text(1).len());
    });
}

#[divan::bench]
fn make_a_call_id() -> CallId {
    CallId::random(Compat::Nest12)
}

/// The slow path of a pattern that is not spelled as it was registered.
#[divan::bench(args = [r#""sum""#, r#"{"cmd":"sum"}"#, r#"{"service":"users","Cmd":"get","_v":1,"é":2}"#])]
fn route_of_incoming_pattern(bencher: Bencher<'_, '_>, pattern: &str) {
    bencher.bench_local(|| {
        let incoming = IncomingPattern::read(black_box(pattern), Compat::Nest12).expect("JSON");
        assert!(incoming.route().is_some());
    });
}
