//! Nothing on a connection keeps the rest of it, or other connections, waiting.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    task::{Context, Poll},
};

use futures_util::{Stream, stream};
use nest_wire::{
    connection::TransportConfig,
    server::{ReplyStream, Router, serve_connection},
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf, duplex};

use crate::support::{Peer, converse, converse_over, frame};

const HOT: &str = r#"{"pattern":"hot","data":0,"id":"hot"}"#;
const PING: &str = r#"{"pattern":"ping","data":0,"id":"ping"}"#;

/// A stream that always has another value, and counts.
struct Hot(Arc<AtomicU64>);

impl Stream for Hot {
    type Item = u64;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<u64>> {
        Poll::Ready(Some(self.0.fetch_add(1, SeqCst)))
    }
}

impl Drop for Hot {
    fn drop(&mut self) {
        self.0.store(u64::MAX, SeqCst);
    }
}

fn router(made: &Arc<AtomicU64>) -> Router {
    let made = Arc::clone(made);
    Router::new()
        .message("ping", async || "pong")
        .message("hot", async move || ReplyStream::new(Hot(Arc::clone(&made))))
        .message("wide", async || ReplyStream::new(stream::repeat("x".repeat(10_000))))
        .message("yield", async || tokio::task::yield_now().await)
}

/// Reads until `pong` arrives. Returns the number of bytes before it.
async fn pong(peer: impl AsyncRead + Unpin) -> usize {
    let (mut peer, mut buffer, mut tail, mut count) = (peer, vec![0; 1 << 16], Vec::new(), 0);
    while !String::from_utf8_lossy(&tail).contains("pong") {
        assert!(count < 100_000_000, "no answer among 100 MB of the stream");
        let length = peer.read(&mut buffer).await.expect("open");
        assert!(length > 0, "closed");
        tail.drain(..tail.len().saturating_sub(3));
        tail.extend_from_slice(&buffer[..length]);
        count += length;
    }
    count
}

#[tokio::test]
async fn a_stream_that_always_has_more_does_not_delay_other_calls() {
    for capacity in [1000, 1_000_000] {
        for stream in ["hot", "wide"] {
            let made = Arc::default();
            let script = async |mut peer: Peer| {
                peer.say(&HOT.replacen("hot", stream, 1)).await;
                peer.take(1000).await;
                for request in [PING, &PING.replacen("ping", "yield", 1)] {
                    peer.say(request).await;
                }
                let mut link = peer.into_inner();
                let before = pong(&mut link).await;
                assert!(
                    before < 4 * capacity + 2_000_000,
                    "{before} bytes before the answer, of {capacity}"
                );
            };
            let _ = converse_over(capacity, &TransportConfig::default(), router(&made), script).await;
        }
    }
}

#[tokio::test]
async fn a_stream_that_always_has_more_ends_when_its_peer_half_closes() {
    let made = Arc::default();
    converse(router(&made), async |mut peer| {
        peer.say(HOT).await;
        peer.take(1000).await;
        peer.half_close().await;
        peer.take_all().await;
    })
    .await
    .expect("served");
    assert_eq!(made.load(SeqCst), u64::MAX, "the stream is dropped");
}

/// An endless flood of requests, which does not use tokio's budget.
struct Flood {
    request: Vec<u8>,
    taken: Arc<AtomicU64>,
}

impl AsyncRead for Flood {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        while into.remaining() >= self.request.len() {
            into.put_slice(&self.request);
        }
        self.taken.fetch_add(1, SeqCst);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Flood {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn a_flood_of_requests_on_one_connection_does_not_starve_another_one() {
    for pattern in ["ping", "yield", "nobody"] {
        let routes = router(&Arc::default()).into_routes();
        let taken: Arc<AtomicU64> = Arc::default();
        let flood = Flood {
            request: frame(&format!(r#"{{"pattern":"{pattern}","data":0,"id":1}}"#)).into_bytes(),
            taken: Arc::clone(&taken),
        };
        let flooded = tokio::spawn(serve_connection(flood, Arc::clone(&routes)).into_future());
        let (mut honest, theirs) = duplex(4096);
        let served = tokio::spawn(serve_connection(theirs, routes).into_future());
        while taken.load(SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        let before = taken.load(SeqCst);
        for _ in 0..10 {
            honest.write_all(frame(PING).as_bytes()).await.expect("open");
            pong(&mut honest).await;
        }
        let segments = taken.load(SeqCst) - before;
        assert!(
            segments < 1000,
            "{pattern}: {segments} segments of the flood while ten calls were answered"
        );
        flooded.abort();
        served.abort();
    }
}
