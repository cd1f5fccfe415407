//! Our counterpart of `node-harness/apps/edge-service.mjs`, and the parts that tests of the two
//! share.

use std::{collections::HashMap, io, net::SocketAddr, time::Duration};

use bytes::BytesMut;
use compat_tests::{Environment, Implementation, PATIENCE};
use futures_util::stream;
use nest_wire::{
    Compat,
    codec::{FrameDecoder, encode},
    connection::TransportConfig,
    json::{Maybe, Value},
    packet::RpcError,
    server::{HostListener, Payload, ReplyStream, Router, serve},
};
use nest_wire_harness::{App, Service};
use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

/// Starts Nest's service of a major, with these flags.
pub(crate) async fn nests(major: u8, flags: &[&str]) -> Service {
    Environment::ready()
        .await
        .start(App::Edge, Implementation::Nest(major), flags)
        .await
}

/// Starts our service in this process, following that major and with these limits. It ends with the
/// test's runtime.
pub(crate) async fn ours(major: u8, limits: TransportConfig) -> SocketAddr {
    let listener = HostListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addrs().expect("it is bound")[0];
    let compat = Compat::from_major(major).expect("a major that is pinned");
    tokio::spawn(serve(listener, router().compat(compat)).transport(limits).into_future());
    address
}

#[derive(Deserialize)]
struct Delay {
    ms: u64,
    value: Value,
}

fn router() -> Router {
    Router::new()
        .message("ping", async || "pong")
        .message("echo", async |Payload(data): Payload<Value>| data)
        .message("delay", async |Payload(Delay { ms, value }): Payload<Delay>| {
            sleep(Duration::from_millis(ms)).await;
            value
        })
        .message("gap", async || {
            ReplyStream::new(stream::iter([Maybe::Value(1), Maybe::Undefined, Maybe::Value(2)]))
        })
        .message("gap-at-the-end", async || {
            ReplyStream::new(stream::iter([Maybe::Value(1), Maybe::Undefined, Maybe::Undefined]))
        })
        .fallback(async || Err::<(), _>(RpcError::no_handler()))
        .message_without_pattern(async || "none")
        .message("1.50", async || "text 1.50")
        .message(1.5, async || "number 1.5")
        .message("true", async || "text true")
        .message("null", async || "text null")
        .message("http-error", async || Err::<(), _>(io::Error::other("404")))
        .event("two", async || "A")
        .event("two", async || "B")
        .event("three", async || "A")
        .event("three", async || None::<()>)
        .event("three", async || "C")
        .event("some", async || "A")
        .event("some", async || ())
        .event("failing", async || "A")
        .event("failing", async || Err::<(), _>(RpcError::new("B")))
        .message("mixed", async || "message")
        .event("mixed", async || ())
        // The key is not a string. It replaces a JavaScript value that JSON does not support.
        .message("big-int", async || Payload(HashMap::from([(vec![1], 1)])))
}

/// Returns the limits that came with Nest 11; a service that follows an older major has none.
pub(crate) fn limits(major: u8, limited: TransportConfig) -> TransportConfig {
    if major >= 11 {
        return limited;
    }
    limited
        .max_buffer_size(usize::MAX)
        .incomplete_message_timeout(None)
        .max_send_buffer_size(usize::MAX)
}

pub(crate) fn frame(text: &str) -> Vec<u8> {
    let mut frame = BytesMut::new();
    encode(text, &mut frame);
    frame.to_vec()
}

/// A caller that checks every byte.
pub(crate) struct Caller(pub(crate) TcpStream);

impl Caller {
    pub(crate) async fn of(service: SocketAddr) -> Self {
        let stream = TcpStream::connect(service).await.expect("the service accepts");
        stream.set_nodelay(true).expect("an option of TCP");
        Self(stream)
    }

    pub(crate) async fn say(&mut self, packet: &str) {
        self.send(&frame(packet)).await;
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        in_time(self.0.write_all(bytes)).await.expect("the link is open");
    }

    /// Waits for the next packet, which has to be this one.
    pub(crate) async fn hear(&mut self, packet: &str) {
        let expected = frame(packet);
        let mut received = vec![0; expected.len()];
        let read = in_time(self.0.read_exact(&mut received)).await;
        read.unwrap_or_else(|error| panic!("{error}, not {packet}"));
        assert_eq!(String::from_utf8_lossy(&received), String::from_utf8_lossy(&expected));
    }

    /// Waits for the next packet.
    pub(crate) async fn next(&mut self) -> String {
        let (mut received, mut decoder) = (BytesMut::new(), FrameDecoder::default());
        in_time(async {
            loop {
                if let Some(text) = decoder.decode(&mut received).expect("frames") {
                    assert!(received.is_empty(), "more than one packet");
                    return text.to_string();
                }
                let read = self.0.read_buf(&mut received).await.expect("the connection is open");
                assert_ne!(read, 0, "the service has closed the connection");
            }
        })
        .await
    }

    /// Waits until the service has closed the connection, in any way. Returns the bytes before
    /// that.
    pub(crate) async fn hear_the_end(&mut self) -> Vec<u8> {
        let mut received = Vec::new();
        let _ = in_time(self.0.read_to_end(&mut received)).await;
        received
    }

    /// Sends a `ping` and waits for its reply: the service has then done everything before it.
    pub(crate) async fn ping(&mut self) {
        self.say(r#"{"pattern":"ping","data":0,"id":"ping"}"#).await;
        self.hear(r#"{"response":"pong","isDisposed":true,"id":"ping"}"#).await;
    }
}

/// Waits for a future.
///
/// # Panics
/// Panics if it takes longer than [`PATIENCE`].
pub(crate) async fn in_time<T>(waiting: impl Future<Output = T>) -> T {
    timeout(PATIENCE, waiting).await.expect("it happens in time")
}
