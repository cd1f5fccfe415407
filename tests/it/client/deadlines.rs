//! The caller's own future keeps its timeout, whichever runtime drives the connection.

use std::{
    io,
    pin::Pin,
    sync::{Arc, mpsc},
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{FutureExt, StreamExt};
use nest_wire::client::{CallError, Client, Target};
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf},
    runtime::Runtime,
    time::{Instant, timeout},
};

use crate::support::{Calls, calls, calls_with, settle};

const SHORT: Duration = Duration::from_millis(50);

/// Waits for a step that must end by itself.
async fn ends<T>(step: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(600), step)
        .await
        .expect("it keeps its time")
}

fn assert_late<T: std::fmt::Debug>(outcome: &Result<T, CallError>) {
    assert!(
        matches!(outcome, Err(CallError::Timeout(error)) if error.limit() == SHORT),
        "{outcome:?}"
    );
}

/// Returns a client whose driver belongs to a runtime that is not driven any more.
fn undriven() -> (Client, Calls, Runtime) {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().build().expect("a runtime");
    let config = Client::builder().timeout(SHORT).drain_timeout(SHORT);
    let (client, calls) = calls_with(config, 4096);
    runtime
        .block_on(client.with_timeout(Duration::MAX).connect())
        .expect("a link");
    (client, calls, runtime)
}

fn driven() -> Runtime {
    Runtime::new().expect("a runtime")
}

#[test]
fn a_request_keeps_its_time_where_the_connections_task_is_not_driven() {
    let (client, _calls, _undriven) = undriven();
    let driven = driven();
    driven.block_on(async { assert_late(&ends(client.send::<u32>("a", &1)).await) });
    driven.block_on(async { assert_late(&ends(client.check("a")).await) });
}

#[test]
fn an_event_keeps_its_time_where_the_connections_task_is_not_driven() {
    let (client, mut calls, undriven) = undriven();
    driven().block_on(async { assert_late(&ends(client.emit("a", &1)).await) });
    // The call had timed out, so it is not sent afterwards.
    undriven.block_on(async {
        client.emit("b", &1).await.expect("sent");
        calls.next().await.expect(r#"24#{"pattern":"b","data":1}"#).await;
    });
}

#[test]
fn connecting_keeps_its_time_where_the_connections_task_is_not_driven() {
    let (client, _calls, _undriven) = undriven();
    driven().block_on(async { assert_late(&ends(client.connect()).await) });
}

#[test]
fn a_stream_keeps_its_time_where_the_connections_task_is_not_driven() {
    let (client, _calls, _undriven) = undriven();
    driven().block_on(async {
        let mut values = client.send_stream::<u32>("a", &1).await.expect("accepted");
        assert_late(&ends(values.next()).await.expect("an error"));
        assert!(values.next().await.is_none());
    });
}

#[test]
fn a_stream_that_waits_to_be_accepted_keeps_its_time() {
    let config = Client::builder().timeout(SHORT).max_queued(1);
    let (client, _calls) = calls_with(config, 4096);
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let undriven = builder.enable_all().build().expect("a runtime");
    undriven
        .block_on(client.with_timeout(Duration::MAX).connect())
        .expect("a link");
    driven().block_on(async {
        let _first = client.send_stream::<u32>("a", &1).await.expect("accepted");
        assert_late(&ends(client.send_stream::<u32>("a", &1)).await);
    });
}

#[test]
fn closing_keeps_its_time_where_the_connections_task_is_not_driven() {
    let (client, _calls, _undriven) = undriven();
    driven().block_on(async {
        let patient = client.with_timeout(Duration::MAX);
        let mut call = patient.send::<u32>("a", &1).boxed();
        assert!((&mut call).now_or_never().is_none());
        ends(client.close()).await;
        let outcome = ends(call).await;
        assert!(matches!(outcome, Err(CallError::Closed)), "{outcome:?}");
        assert!(!client.state().is_connected());
    });
}

/// A connection that blocks its thread on a write.
struct Blocking {
    io: DuplexStream,
    go_on: Arc<std::sync::Mutex<mpsc::Receiver<()>>>,
}

impl AsyncRead for Blocking {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, into)
    }
}

impl AsyncWrite for Blocking {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let _ = self.go_on.lock().expect("no panic").recv();
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[test]
fn calls_keep_their_time_while_the_connections_task_is_blocked() {
    let (release, go_on) = mpsc::channel();
    let go_on = Arc::new(std::sync::Mutex::new(go_on));
    let (ours, _theirs) = tokio::io::duplex(4096);
    let link = std::sync::Mutex::new(Some(Blocking { io: ours, go_on }));
    let link = Arc::new(link);
    let connect = move || {
        let link = link.lock().expect("no panic").take();
        std::future::ready(link.ok_or_else(|| io::ErrorKind::ConnectionRefused.into()))
    };
    let config = Client::builder().timeout(SHORT).drain_timeout(SHORT);
    let client = config.build(Target::connector(connect)).expect("a client");
    let (blocked, ours) = (driven(), driven());
    blocked
        .block_on(client.with_timeout(Duration::MAX).connect())
        .expect("a link");
    ours.block_on(async {
        assert_late(&ends(client.send::<u32>("a", &1)).await);
        assert_late(&ends(client.emit("a", &1)).await);
        let mut values = client.send_stream::<u32>("a", &1).await.expect("accepted");
        assert_late(&ends(values.next()).await.expect("an error"));
        ends(client.close()).await;
    });
    drop(release);
}

#[tokio::test(start_paused = true)]
async fn each_of_many_calls_in_one_task_keeps_its_time() {
    let (client, mut calls) = calls();
    let start = Instant::now();
    let all = (1..=1000).map(|millis| {
        let client = client.with_timeout(Duration::from_millis(millis));
        async move {
            let outcome = client.send::<u32>("a", &1).await;
            assert!(matches!(outcome, Err(CallError::Timeout(_))), "{outcome:?}");
            let late = start.elapsed().abs_diff(Duration::from_millis(millis));
            assert!(late <= Duration::from_millis(2), "{millis} ms: {:?}", start.elapsed());
        }
    });
    futures_util::future::join_all(all).await;
    calls.next().await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_whose_caller_comes_late_has_the_values_that_came_in_time() {
    let (client, mut calls) = calls();
    let mut values = client.send_stream::<u32>("a", &1).await.expect("sent");
    let mut peer = calls.next().await;
    let id = peer.hear_request(r#""pattern":"a","data":1"#).await;
    peer.say(&format!(r#"{{"response":7,"id":"{id}"}}"#)).await;
    settle().await;
    let start = Instant::now();
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(values.next().await.expect("a value").expect("a number"), 7);
    let end = values.next().await.expect("an error");
    assert!(matches!(end, Err(CallError::Timeout(_))), "{end:?}");
    // Thirty seconds after the value, however late the caller took it.
    assert!((29..=31).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
}
