//! Users' code in a client that panics: only its own operation fails.

use std::{
    error::Error,
    future::{Future, Pending, pending},
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures_util::FutureExt;
use nest_wire::client::{CallError, Client, Target};
use tokio::io::DuplexStream;

use crate::support::{Peer, calls, settle};

async fn answer(peer: &mut Peer) {
    let id = peer.hear_request(r#""pattern":"a","data":1"#).await;
    peer.say(&format!(r#"{{"response":7,"isDisposed":true,"id":"{id}"}}"#))
        .await;
}

/// Connects after the number of failed attempts that the test chooses.
struct Connecting {
    at_poll: bool,
    at_drop: bool,
    link: Option<DuplexStream>,
}

impl Future for Connecting {
    type Output = io::Result<DuplexStream>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        assert!(!self.at_poll, "a bug in the connector");
        Poll::Ready(self.link.take().ok_or_else(|| io::ErrorKind::ConnectionRefused.into()))
    }
}

impl Drop for Connecting {
    fn drop(&mut self) {
        assert!(!self.at_drop, "a bug in its drop");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connector_that_panics_is_an_attempt_that_fails() {
    let (links, mut opened) = tokio::sync::mpsc::unbounded_channel();
    let attempts = Arc::new(AtomicUsize::new(0));
    let connect = move || {
        let attempt = attempts.fetch_add(1, SeqCst);
        assert!(attempt > 0, "a bug before the connector's future");
        let (ours, theirs) = tokio::io::duplex(4096);
        let _ = links.send(Peer::new(theirs));
        Connecting {
            at_poll: attempt == 1,
            at_drop: true,
            link: Some(ours),
        }
    };
    let client = Client::builder().build(Target::connector(connect)).expect("a client");
    for message in ["a bug before the connector's future", "a bug in the connector"] {
        let outcome = client.send::<u32>("a", &1).await;
        let Err(CallError::Connect(error)) = outcome else {
            panic!("{outcome:?}")
        };
        let cause = error.source().expect("a cause").to_string();
        assert_eq!(cause, format!("the connector panicked: {message}"));
    }
    // This connection panics when it is dropped, after it was established.
    opened.recv().await.expect("the second attempt");
    let script = async { answer(&mut opened.recv().await.expect("a link")).await };
    let (outcome, ()) = tokio::join!(client.send::<u32>("a", &1), script);
    assert_eq!(outcome.expect("an answer"), 7);
}

#[tokio::test(start_paused = true)]
async fn a_connector_that_panics_when_it_is_given_up_does_no_harm() {
    struct Bomb(Pending<io::Result<DuplexStream>>);
    impl Future for Bomb {
        type Output = io::Result<DuplexStream>;

        fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
            self.0.poll_unpin(cx)
        }
    }
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("a bug in its drop");
        }
    }
    let client = Client::builder()
        .build(Target::connector(|| Bomb(pending())))
        .expect("a client");
    for _ in 0..2 {
        let outcome = client.send::<u32>("a", &1).await;
        assert!(matches!(outcome, Err(CallError::Connect(_))), "{outcome:?}");
    }
    client.close().await;
}

/// A waker that panics when it is woken.
struct Bomb;

impl Wake for Bomb {
    fn wake(self: Arc<Self>) {
        panic!("a bug in a waker");
    }
}

#[tokio::test(start_paused = true)]
async fn a_waker_that_panics_keeps_no_other_caller_from_its_answer() {
    let (client, mut calls) = calls();
    let bomb = Waker::from(Arc::new(Bomb));
    let mut first = client.send::<u32>("a", &1).boxed();
    assert!(first.poll_unpin(&mut Context::from_waker(&bomb)).is_pending());
    let script = async {
        let mut peer = calls.next().await;
        let ids = [
            peer.hear_request(r#""pattern":"a","data":1"#).await,
            peer.hear_request(r#""pattern":"a","data":1"#).await,
        ];
        // Both are woken together, the faulty one first.
        let replies = ids.map(|id| {
            let reply = format!(r#"{{"response":7,"isDisposed":true,"id":"{id}"}}"#);
            format!("{}#{reply}", reply.len())
        });
        peer.send(replies.concat()).await;
        peer
    };
    let (second, mut peer) = tokio::join!(client.send::<u32>("a", &1), script);
    assert_eq!(second.expect("an answer"), 7);
    assert_eq!(first.await.expect("an answer"), 7);
    let (third, ()) = tokio::join!(client.send::<u32>("a", &1), answer(&mut peer));
    assert_eq!(third.expect("an answer"), 7);
}

/// Panics while it is serialised, after a part of it was written.
struct Unserializable;

impl serde::Serialize for Unserializable {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq;
        let mut sequence = serializer.serialize_seq(None)?;
        sequence.serialize_element(&1)?;
        panic!("a bug in `Serialize`");
    }
}

#[tokio::test(start_paused = true)]
async fn data_that_panics_leaves_nothing_in_the_packets_of_others() {
    let (client, mut calls) = calls();
    for _ in 0..3 {
        let call = std::panic::AssertUnwindSafe(client.send::<u32>("boom", &Unserializable));
        call.catch_unwind().await.expect_err("a panic");
        let metadata = std::panic::AssertUnwindSafe(async { client.with_metadata(&Unserializable).map(drop) });
        metadata.catch_unwind().await.expect_err("a panic");
    }
    let script = async {
        let mut peer = calls.next().await;
        answer(&mut peer).await;
        settle().await;
    };
    let (outcome, ()) = tokio::join!(client.send::<u32>("a", &1), script);
    assert_eq!(outcome.expect("an answer"), 7);
}
