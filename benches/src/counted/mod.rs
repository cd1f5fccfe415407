//! Work whose instructions and allocations are counted. Each piece checks its result.

use bytes::BytesMut;
use bytestring::ByteString;
use nest_wire::{
    Compat,
    codec::{FrameDecoder, encode},
    packet::{IncomingReply, IncomingRequest, OutgoingReply, RawJson, write_reply},
    pattern::IncomingPattern,
};

use crate::{calling::Calling, load::Exchange, serving::Serving, text::Script};

/// Number of requests of a segment.
const IN_FLIGHT: usize = 64;

/// Number of calls made together: as many as `join_all` takes without a box for each.
const CALLS: usize = 30;

/// Maximum number of bytes of one read.
const READ: usize = 64 * 1024;

/// One piece of work.
#[derive(Debug, Clone, Copy)]
pub struct Work {
    /// Its name in `docs/PERFORMANCE.md`.
    pub name: &'static str,
    /// Number of units of one run: requests, frames, kilobytes.
    pub units: u64,
    /// Number of counted runs.
    pub runs: u64,
    prepare: fn() -> Run,
}

/// Work that can be run any number of times.
type Run = Box<dyn FnMut()>;

impl Work {
    /// All pieces of work.
    pub const ALL: [Self; 11] = [
        Self::of("serve `sum`, 64 in flight", 64, 100, || serve(r#""sum""#)),
        Self::of("serve `{\"cmd\":\"sum\"}`, 64 in flight", 64, 100, || {
            serve(r#"{"cmd":"sum"}"#)
        }),
        Self::of("serve `{\"cmd\" : \"sum\"}`, spelled otherwise", 64, 100, || {
            serve(r#"{"cmd" : "sum"}"#)
        }),
        Self::of("call `sum`, 30 in flight", 30, 200, || {
            let calling = Calling::new();
            Box::new(move || calling.call(CALLS))
        }),
        Self::of("emit, 30 in flight", 30, 200, || {
            let calling = Calling::new();
            Box::new(move || calling.emit(CALLS))
        }),
        Self::of("decode a small frame", 64, 200, decode_small),
        Self::of("decode 1 kB of ASCII in a large frame", 1000, 10, || {
            decode_large(Script::Ascii)
        }),
        Self::of("decode 1 kB of CJK in a large frame", 1000, 4, || {
            decode_large(Script::Cjk)
        }),
        Self::of("read a request", 1, 5000, read_request),
        Self::of("read and write a reply", 1, 5000, reply),
        Self::of("find the route of `{\"cmd\":\"sum\"}`", 1, 5000, route),
    ];

    const fn of(name: &'static str, units: u64, runs: u64, prepare: fn() -> Run) -> Self {
        Self {
            name,
            units,
            runs,
            prepare,
        }
    }

    /// Prepares the work and runs it once.
    pub fn prepared(&self) -> impl FnMut() + use<> {
        let mut run = (self.prepare)();
        run();
        run
    }
}

fn serve(pattern: &str) -> Run {
    let mut serving = Serving::new(pattern, IN_FLIGHT, 0);
    Box::new(move || serving.answer_segments(1))
}

fn decode_small() -> Run {
    let segment = Exchange::request("\"sum\"", "[1,2,3]").asked_first(IN_FLIGHT);
    let mut decoder = FrameDecoder::default();
    Box::new(move || {
        decoder.push(&segment);
        let frames = std::iter::from_fn(|| decoder.next_frame().expect("good frames"));
        assert_eq!(frames.count(), IN_FLIGHT);
    })
}

fn decode_large(script: Script) -> Run {
    let mut frame = BytesMut::new();
    encode(&script.json(1_000_000), &mut frame);
    Box::new(move || {
        let mut decoder = FrameDecoder::default();
        let mut frames = 0;
        for segment in frame.chunks(READ) {
            decoder.push(segment);
            frames += usize::from(decoder.next_frame().expect("a good frame").is_some());
        }
        assert_eq!(frames, 1);
    })
}

fn read_request() -> Run {
    let text = shared(r#"{"pattern":"sum","data":[1,2,3],"id":"0123456789abcdef01234"}"#);
    Box::new(move || {
        let packet = IncomingRequest::read(&text).expect("a request");
        assert!(packet.data.is_some() && packet.id.is_some());
    })
}

fn reply() -> Run {
    let (value, id) = (
        RawJson::from_value(&6).expect("JSON"),
        RawJson::from_value("0123456789abcdef01234").expect("JSON"),
    );
    let text = shared(r#"{"response":6,"isDisposed":true,"id":"0123456789abcdef01234"}"#);
    let mut out = BytesMut::with_capacity(256);
    Box::new(move || {
        out.clear();
        write_reply(&mut out, OutgoingReply::Last(&value), &id);
        assert!(*out == *text.as_bytes());
        let packet = IncomingReply::read(&text, Compat::Nest12).expect("a reply");
        assert!(packet.id.is_some());
    })
}

fn route() -> Run {
    Box::new(|| {
        let incoming = IncomingPattern::read(r#"{"cmd":"sum"}"#, Compat::Nest12).expect("JSON");
        assert!(incoming.route().is_some());
    })
}

/// Returns a text whose memory is already shared, like a frame's.
fn shared(text: &str) -> ByteString {
    let text = ByteString::from(text.to_owned());
    drop(text.clone());
    text
}
