//! Clients that are closed, and clients whose last handle is dropped.

use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use nest_wire::client::{CallError, Client, ConnectionState, DisconnectReason};
use tokio::time::Instant;

use crate::support::{Peer, calls, calls_with, settle};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

async fn hear(peer: &mut Peer) -> String {
    peer.hear_request(r#""pattern":"a","data":1"#).await
}

async fn assert_closed(client: &Client) {
    let sent = client.send::<u32>("a", &1).await;
    assert!(matches!(sent, Err(CallError::Closed)), "{sent:?}");
    let streamed = client.send_stream::<u32>("a", &1).await;
    assert!(matches!(streamed, Err(CallError::Closed)), "{streamed:?}");
    let emitted = client.emit("a", &1).await;
    assert!(matches!(emitted, Err(CallError::Closed)), "{emitted:?}");
    let connected = client.connect().await;
    assert!(matches!(connected, Err(CallError::Closed)), "{connected:?}");
}

#[tokio::test(start_paused = true)]
async fn closing_waits_for_what_is_under_way_and_lets_nothing_more_in() {
    let (client, mut calls) = calls();
    let mut values = client.send_stream::<u32>("a", &1).await.expect("sent");
    let mut peer = calls.next().await;
    let id = hear(&mut peer).await;
    let other = client.clone();
    let mut closing = Box::pin(client.close());
    assert!((&mut closing).now_or_never().is_none());
    assert_closed(&other).await;
    peer.expect_silence_of(seconds(24)).await;
    peer.say(&format!(r#"{{"response":1,"id":"{id}"}}"#)).await;
    peer.say(&format!(r#"{{"response":2,"isDisposed":true,"id":"{id}"}}"#))
        .await;
    let ((), ()) = tokio::join!(closing, peer.expect_end());
    let values: Vec<_> = values.by_ref().map(|value| value.expect("a value")).collect().await;
    assert_eq!(values, [1, 2]);
    assert!(matches!(
        client.state(),
        ConnectionState::Disconnected(DisconnectReason::Closed)
    ));
    assert_closed(&client).await;
}

#[tokio::test(start_paused = true)]
async fn closing_sends_what_is_queued() {
    let (client, mut calls) = calls_with(Client::builder(), 16);
    let text = "x".repeat(1000);
    let emitted = futures_util::future::join_all((0..100).map(|_| client.emit("a", &text)));
    let script = async {
        let mut peer = calls.next().await;
        // Close as soon as there is a connection, long before everything is sent.
        let close = async { client.close().await };
        let listen = async { peer.take_all().await };
        tokio::join!(listen, close).0
    };
    let (outcomes, heard) = tokio::join!(emitted, script);
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    let heard = String::from_utf8(heard).expect("ASCII");
    assert_eq!(heard.matches(r#"{"pattern":"a""#).count(), 100);
}

#[tokio::test(start_paused = true)]
async fn closing_cuts_what_takes_too_long_and_says_so() {
    let (client, mut calls) = calls_with(Client::builder().drain_timeout(seconds(5)), 1024);
    let waiting = client.send::<u32>("a", &1);
    let script = async {
        let mut peer = calls.next().await;
        hear(&mut peer).await;
        let start = Instant::now();
        client.close().await;
        assert!((seconds(5)..seconds(6)).contains(&start.elapsed()));
        peer.expect_end().await;
    };
    let (outcome, ()) = tokio::join!(waiting, script);
    assert!(
        matches!(outcome, Err(CallError::ConnectionClosed(DisconnectReason::Closed))),
        "{outcome:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_that_was_never_used_closes_at_once() {
    let (client, mut calls) = calls();
    client.close().await;
    assert_closed(&client).await;
    client.close().await;
    assert!(matches!(
        client.state(),
        ConnectionState::Disconnected(DisconnectReason::Closed)
    ));
    calls.expect_none().await;
}

#[tokio::test(start_paused = true)]
async fn closing_goes_on_when_nobody_waits_for_it_and_may_be_asked_for_again() {
    let (client, mut calls) = calls();
    client.connect().await.expect("a link");
    let mut peer = calls.next().await;
    let other = client.clone();
    let waiting = tokio::spawn(async move { other.send::<u32>("a", &1).await });
    let id = hear(&mut peer).await;
    assert!(client.close().now_or_never().is_none());
    peer.expect_silence().await;
    peer.say(&format!(r#"{{"response":7,"isDisposed":true,"id":"{id}"}}"#))
        .await;
    peer.expect_end().await;
    client.close().await;
    assert_eq!(waiting.await.expect("no panic").expect("an answer"), 7);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_does_not_read_does_not_keep_a_client_that_is_gone() {
    let (client, mut calls) = calls_with(Client::builder().drain_timeout(seconds(5)), 1024);
    let mut states = client.states();
    let text = "x".repeat(200_000);
    assert!(client.emit("a", &text).now_or_never().is_none());
    let peer = calls.next().await;
    settle().await;
    drop(client);
    let start = Instant::now();
    while states.next().await.is_some() {}
    assert!(
        (seconds(5)..seconds(6)).contains(&start.elapsed()),
        "{:?}",
        start.elapsed()
    );
    drop(peer);
}
