//! Users' code that panics in unusual places: the connection and its other handlers go on.

use std::{
    error::Error,
    fmt,
    future::Future,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    task::{Context, Poll},
};

use futures_util::{Stream, stream};
use nest_wire::{
    packet::RpcError,
    server::{ReplyStream, Router, serve_connection},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::Notify,
};
use tracing::Level;

use crate::support::{Log, Peer, converse, frame};

const PONG: &str = r#"{"response":"pong","isDisposed":true,"id":2}"#;

/// Panics when it is dropped.
#[derive(Debug)]
struct Grenade;

impl Drop for Grenade {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "a Drop that panics on purpose");
    }
}

/// An error that panics while it is written, or while it is dropped.
#[derive(Debug)]
enum Malign {
    Display,
    Drop(Grenade),
}

impl fmt::Display for Malign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Display => panic!("a Display that panics on purpose"),
            Self::Drop(_) => f.write_str("malign"),
        }
    }
}

impl Error for Malign {}

struct Ticking<S>(S, Grenade);

impl<S: Stream + Unpin> Stream for Ticking<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        Pin::new(&mut self.0).poll_next(cx)
    }
}

/// A handler's future that is ready and panics when it is dropped.
struct Answer(Grenade);

impl Future for Answer {
    type Output = &'static str;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<&'static str> {
        Poll::Ready("answer")
    }
}

fn router() -> Router {
    Router::new()
        .message("ping", async || "pong")
        .message("stream", async || ReplyStream::new(Ticking(stream::iter([1]), Grenade)))
        .message("endless", async || {
            ReplyStream::new(Ticking(stream::pending::<u8>(), Grenade))
        })
        .message("display", async || {
            Err::<u8, _>(RpcError::internal_from(Malign::Display))
        })
        .message("drop", async || {
            Err::<u8, _>(RpcError::internal_from(Malign::Drop(Grenade)))
        })
        .message("stream-drop", async || {
            ReplyStream::fallible(stream::iter([
                Ok(1),
                Err(RpcError::internal_from(Malign::Drop(Grenade))),
            ]))
        })
        .message("future", || Answer(Grenade))
        .event("event-display", async || {
            Err::<(), _>(RpcError::internal_from(Malign::Display))
        })
        .event("event-stream", async || {
            ReplyStream::new(Ticking(stream::iter([1]), Grenade))
        })
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_drop_or_display_ends_nothing_but_its_own_call() {
    let log = Log::of(Level::ERROR);
    let patterns = [
        "stream",
        "display",
        "drop",
        "stream-drop",
        "future",
        "event-display",
        "event-stream",
    ];
    for pattern in patterns {
        let id = if pattern.starts_with("event") { "" } else { r#","id":1"# };
        converse(router(), async |mut peer: Peer| {
            peer.say(&format!(r#"{{"pattern":"{pattern}","data":0{id}}}"#)).await;
            peer.say(r#"{"pattern":"ping","data":0,"id":2}"#).await;
            let mut text = peer.take_text().await;
            while text != PONG {
                assert!(text.contains(r#""id":1"#), "{pattern}: {text}");
                text = peer.take_text().await;
            }
        })
        .await
        .unwrap_or_else(|error| panic!("{pattern}: {error}"));
    }
    let text = log.text();
    assert_eq!(text.matches("on purpose").count(), patterns.len(), "{text}");
    assert!(!text.contains("bug in nest-wire"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_cannot_be_dropped_does_not_harm_the_end_of_its_connection() {
    converse(router(), async |mut peer: Peer| {
        peer.say(r#"{"pattern":"endless","data":0,"id":1}"#).await;
        peer.half_close().await;
        peer.expect_end().await;
    })
    .await
    .expect("served");
}

/// A stream of bytes that contains one request and then panics.
struct Broken(Option<String>);

impl AsyncRead for Broken {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let request = self.0.take().expect("a read that panics on purpose");
        into.put_slice(request.as_bytes());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Broken {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_bytes_that_panics_ends_its_connection_and_no_handler() {
    let (release, finished) = (Arc::new(Notify::new()), Arc::new(AtomicU32::new(0)));
    let shared = (Arc::clone(&release), Arc::clone(&finished));
    let router = Router::new().event("work", async move || {
        shared.0.notified().await;
        shared.1.fetch_add(1, SeqCst);
    });
    let broken = Broken(Some(frame(r#"{"pattern":"work","data":0}"#)));
    let served = tokio::spawn(serve_connection(broken, router).into_future());
    release.notify_one();
    let error = served.await.expect("no panic").expect_err("it broke");
    assert!(format!("{error:?}").contains("on purpose"), "{error:?}");
    assert_eq!(finished.load(SeqCst), 1);
}
