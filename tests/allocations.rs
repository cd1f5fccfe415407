//! Counts the allocations of a request, so that an additional copy or box fails a test.
//!
//! This is a test binary of its own because of its counting allocator. Each test counts on its own
//! thread.

use std::{
    cell::Cell,
    future::Future,
    io,
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll, Waker},
};

use allocation_counter::measure;
use bytes::BytesMut;
use nest_wire::{
    Compat,
    client::{CallError, Client, Target},
    codec::{FrameDecoder, encode, encode_with},
    packet::{IncomingReply, IncomingRequest, OutgoingReply, RawJson, write_reply},
    pattern::Pattern,
    server::{Payload, Router, serve_connection},
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

/// Maximum number of allocations of a request to a handler that finishes at once: its future, and
/// the `Vec` that it takes.
const PER_REQUEST: u64 = 2;
/// Maximum number of allocations of a client's call with a short pattern and a short reply.
const PER_CALL: u64 = 0;
/// Maximum number of allocations of calls that are made together: the shared memory of their
/// replies, the gathered output, and the test's own join.
const PER_BATCH: u64 = 6;
/// Maximum number of allocations of a segment: the shared memory of its frames, and the gathered
/// replies.
const PER_SEGMENT: u64 = 2;

#[test]
fn a_request_to_a_synchronous_typed_handler_allocates_a_few_times() {
    for pattern in [r#""sum""#, r#"{"cmd":"sum"}"#] {
        // Not for one request: a segment that is one frame shares nothing, which saves an
        // allocation.
        let two = allocations_for(&requests(pattern, 2), 2);
        let many = allocations_for(&requests(pattern, 66), 66);
        let per_request = (many - two).div_ceil(64);
        assert!(
            per_request <= PER_REQUEST,
            "{per_request} for each request to {pattern}"
        );
        let per_segment = two.saturating_sub(2 * per_request);
        assert!(per_segment <= PER_SEGMENT, "{per_segment} for each segment, {pattern}");
    }
}

#[test]
fn cutting_frames_out_of_a_segment_allocates_nothing() {
    let mut decoder = FrameDecoder::default();
    decoder.push(requests(r#""sum""#, 64).as_bytes());
    let first = decoder.next_frame().expect("a frame");
    assert!(first.is_some());
    let counted = measure(|| {
        for _ in 1..64 {
            assert!(decoder.next_frame().expect("a frame").is_some());
        }
    });
    assert_eq!(counted.count_total, 0);
}

/// The counting allocator cannot grow memory in place, as the system's does with large blocks: for
/// a moment it holds the old block beside the whole new one. The benchmarks measure what a process
/// really takes.
#[test]
fn memory_for_a_large_frame_is_little_more_than_its_size() {
    const SIZE: usize = 16 << 20;
    let mut frame = BytesMut::new();
    encode(&format!("\"{}\"", "x".repeat(SIZE)), &mut frame);
    let counted = measure(|| {
        let mut decoder = FrameDecoder::default();
        let mut decoded = None;
        for segment in frame.chunks(64 * 1024) {
            decoder.push(segment);
            decoded = decoded.or(decoder.next_frame().expect("a good frame"));
        }
        assert_eq!(decoded.map(|text| text.len()), Some(SIZE + 2));
    });
    let times = counted.bytes_max as f64 / SIZE as f64;
    assert!(times <= 1.5, "{times} times its size");
}

/// A frame's buffer grows in steps, which together take three quarters more than the frame. The
/// echo shares that memory; a copy would double it.
#[test]
fn a_large_payload_is_echoed_without_another_copy() {
    const SIZE: usize = 4 << 20;
    let router = Router::new().message("echo", async |data: RawJson| data);
    let data = "x".repeat(SIZE);
    let frame = |text: String| format!("{}#{text}", text.len());
    let asked = frame(format!(r#"{{"pattern":"echo","data":"{data}","id":"1"}}"#));
    let expected = frame(format!(r#"{{"response":"{data}","isDisposed":true,"id":"1"}}"#));
    let mut answer = vec![0; expected.len()];
    let (mut ours, theirs) = tokio::io::duplex(64 * 1024);
    let served = serve_connection(theirs, router.into_routes()).into_future();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let counted = measure(|| {
        runtime.block_on(async {
            let ask = async {
                ours.write_all(asked.as_bytes()).await.expect("written");
                ours.read_exact(&mut answer).await.expect("answered");
            };
            tokio::select! {
                () = ask => {}
                ended = served => panic!("{ended:?}"),
            }
        });
    });
    assert!(answer == expected.as_bytes());
    let times = counted.bytes_total as f64 / SIZE as f64;
    assert!(times < 2.0, "{times} times its size");
}

#[test]
fn reading_packets_allocates_nothing() {
    let request = r#"{"pattern":{"cmd":"sum"},"data":[1,2,3],"id":"0123456789abcdef01234"}"#.to_owned();
    let reply = r#"{"response":6,"isDisposed":true,"id":"0123456789abcdef01234"}"#.to_owned();
    let (request, reply) = (shared(request), shared(reply));
    let counted = measure(|| {
        let packet = IncomingRequest::read(&request).expect("a request");
        assert!(!packet.is_event());
        let packet = IncomingReply::read(&reply, Compat::Nest12).expect("a reply");
        assert!(packet.id.is_some());
    });
    assert_eq!(counted.count_total, 0);
}

#[test]
fn writing_into_a_buffer_with_room_allocates_nothing() {
    let (id, value) = (
        RawJson::from_value("7").expect("JSON"),
        RawJson::from_value(&6).expect("JSON"),
    );
    let mut out = BytesMut::with_capacity(1024);
    let counted = measure(|| {
        encode_with(&mut out, |out| write_reply(out, OutgoingReply::Last(&value), &id));
        encode("{}", &mut out);
    });
    assert_eq!(out, r#"41#{"response":6,"isDisposed":true,"id":"7"}2#{}"#);
    assert_eq!(counted.count_total, 0);
}

#[test]
fn a_call_of_the_client_allocates_nothing_of_its_own() {
    let few = allocations_of_calls(&async |client: &Client| client.send::<f64>("sum", &[1, 2, 3]).await, 2);
    let many = allocations_of_calls(&async |client: &Client| client.send::<f64>("sum", &[1, 2, 3]).await, 26);
    assert_eq!((many - few).div_ceil(24), PER_CALL);
    assert!(few - 2 * PER_CALL <= PER_BATCH, "{few} for two calls");
}

#[test]
fn an_event_of_the_client_allocates_nothing_of_its_own() {
    let few = allocations_of_calls(&async |client: &Client| client.emit("log", "hello").await, 1);
    let many = allocations_of_calls(&async |client: &Client| client.emit("log", "hello").await, 25);
    assert_eq!((many - few).div_ceil(24), PER_CALL);
}

/// Returns the number of allocations of this number of calls made together, after a warm-up.
fn allocations_of_calls<T>(call: &impl AsyncFn(&Client) -> Result<T, CallError>, count: usize) -> u64 {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().expect("a runtime");
    let connect = || std::future::ready(Ok::<_, io::Error>(Answering::default()));
    let client = Client::builder().build(Target::connector(connect)).expect("a client");
    let play = || {
        let calls = (0..count).map(|_| call(&client));
        let outcomes = runtime.block_on(futures_util::future::join_all(calls));
        assert!(outcomes.iter().all(Result::is_ok));
    };
    (0..4).for_each(|_| play());
    let once = measure(play).count_total;
    assert_eq!(once, measure(play).count_total, "not steady");
    once
}

/// A connection to a service that replies 6 to each request and knows the position of the id.
#[derive(Default)]
struct Answering {
    answers: Vec<u8>,
    reader: Option<Waker>,
}

impl AsyncWrite for Answering {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        for at in ends_of(buf, b"\"id\":\"") {
            self.answers
                .extend_from_slice(br#"61#{"response":6,"isDisposed":true,"id":""#);
            self.answers.extend_from_slice(&buf[at..at + 21]);
            self.answers.extend_from_slice(br#""}"#);
        }
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Answering {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.answers.is_empty() {
            self.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        buf.put_slice(&self.answers);
        self.answers.clear();
        Poll::Ready(Ok(()))
    }
}

/// Returns the positions at which each occurrence of `what` ends.
fn ends_of<'a>(text: &'a [u8], what: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let found = text
        .windows(what.len())
        .enumerate()
        .filter(move |(_, part)| *part == what);
    found.map(move |(at, _)| at + what.len())
}

/// Returns a text whose memory is already shared, like a frame's: the first clone of a `String`'s
/// bytes allocates.
fn shared(text: String) -> bytestring::ByteString {
    let text = bytestring::ByteString::from(text);
    drop(text.clone());
    text
}

/// Returns the number of allocations while our server answers a segment of this number of requests,
/// after a warm-up.
fn allocations_for(segment: &str, requests: usize) -> u64 {
    let arrivals = Rc::new(Cell::new(0));
    let answered = Rc::new(Cell::new(0));
    let link = Link {
        segment: segment.as_bytes().to_vec(),
        arrivals: Rc::clone(&arrivals),
        answered: Rc::clone(&answered),
    };
    let mut served = pin!(serve_connection(link, router().into_routes()).into_future());
    let mut cx = Context::from_waker(Waker::noop());
    let mut play = |times| {
        arrivals.set(times);
        // The server yields after some requests.
        while arrivals.get() > 0 {
            assert!(served.as_mut().poll(&mut cx).is_pending());
        }
    };
    play(4);
    let per_segment = measure(|| play(1)).count_total;
    assert_eq!(per_segment, measure(|| play(1)).count_total, "not steady");
    assert_eq!(answered.get(), 6 * requests);
    per_segment
}

fn router() -> Router {
    async fn sum(Payload(numbers): Payload<Vec<f64>>) -> f64 {
        numbers.iter().sum()
    }
    Router::new()
        .message("sum", sum)
        .message(Pattern::object([("cmd", "sum")]), sum)
}

fn requests(pattern: &str, count: usize) -> String {
    (0..count).map(|number| request(pattern, number)).collect()
}

fn request(pattern: &str, number: usize) -> String {
    let text = format!(r#"{{"pattern":{pattern},"data":[1,2,3],"id":"{number:021}"}}"#);
    format!("{}#{text}", text.len())
}

/// A connection without a system below it. A segment arrives as often as the test says, and the
/// replies are counted.
struct Link {
    segment: Vec<u8>,
    arrivals: Rc<Cell<usize>>,
    answered: Rc<Cell<usize>>,
}

impl AsyncRead for Link {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Some(left) = self.arrivals.get().checked_sub(1) else {
            // The test polls again, so no waker is registered.
            return Poll::Pending;
        };
        self.arrivals.set(left);
        buf.put_slice(&self.segment);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Link {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let replies = buf.split(|&byte| byte == b'}').count() - 1;
        let right = buf.windows(13).filter(|window| window == br#"{"response":6"#).count();
        assert_eq!(replies, right, "{}", String::from_utf8_lossy(buf));
        self.answered.set(self.answered.get() + right);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
