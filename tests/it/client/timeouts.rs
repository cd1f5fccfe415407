//! Calls that take too long, and their effects afterwards.

use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use nest_wire::client::{CallError, Client, Target};
use tokio::time::Instant;

use crate::support::{Peer, calls, settle};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn assert_timed_out<T: std::fmt::Debug>(outcome: &Result<T, CallError>, after: Duration) {
    assert!(
        matches!(outcome, Err(CallError::Timeout(error)) if error.limit() == after),
        "{outcome:?}"
    );
}

/// Makes a call and answers it, to show that the connection works.
async fn expect_answer(client: &Client, peer: &mut Peer) {
    let script = async {
        let id = peer.hear_request(r#""pattern":"works","data":1"#).await;
        peer.say(&format!(r#"{{"response":"yes","isDisposed":true,"id":"{id}"}}"#))
            .await;
    };
    let (answer, ()) = tokio::join!(client.send::<String>("works", &1), script);
    assert_eq!(answer.expect("an answer"), "yes");
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_thirty_seconds() {
    let (client, mut calls) = calls();
    let start = Instant::now();
    let call = async {
        let outcome = client.send::<u32>("a", &1).await;
        assert_timed_out(&outcome, seconds(30));
        assert!((seconds(30)..seconds(31)).contains(&start.elapsed()));
    };
    let (mut peer, ()) = tokio::join!(calls.next(), call);
    peer.hear_request(r#""pattern":"a","data":1"#).await;
}

#[tokio::test(start_paused = true)]
async fn each_call_may_have_its_own_timeout() {
    let (client, _calls) = calls();
    let quick = client.with_timeout(seconds(2));
    let start = Instant::now();
    assert_timed_out(&quick.send::<u32>("a", &1).await, seconds(2));
    assert!(start.elapsed() < seconds(3));
    assert_timed_out(&client.send::<u32>("a", &1).await, seconds(30));
}

#[tokio::test(start_paused = true)]
async fn a_timeout_may_be_as_long_as_time_goes() {
    let (client, mut calls) = calls();
    let patient = client.with_timeout(Duration::MAX);
    let values = async {
        let mut values = patient.send_stream::<u32>("a", &1).await.expect("sent");
        assert_eq!(values.next().await.expect("a value").expect("a number"), 7);
        assert!(values.next().await.is_none());
    };
    let script = async {
        let mut peer = calls.next().await;
        let id = peer.hear_request(r#""pattern":"a","data":1"#).await;
        peer.expect_silence_of(seconds(1_000_000)).await;
        peer.say(&format!(r#"{{"response":7,"id":"{id}"}}"#)).await;
        peer.expect_silence_of(seconds(1_000_000)).await;
        peer.say(&format!(r#"{{"isDisposed":true,"id":"{id}"}}"#)).await;
    };
    tokio::join!(values, script);
}

#[tokio::test(start_paused = true)]
async fn a_late_reply_is_ignored_and_the_link_goes_on() {
    let (client, mut calls) = calls();
    let outcome = client.with_timeout(seconds(1)).send::<u32>("a", &1).await;
    assert_timed_out(&outcome, seconds(1));
    let mut peer = calls.next().await;
    let id = peer.hear_request(r#""pattern":"a","data":1"#).await;
    peer.say(&format!(r#"{{"response":1,"id":"{id}"}}"#)).await;
    peer.say(&format!(r#"{{"err":"late","isDisposed":true,"id":"{id}"}}"#))
        .await;
    expect_answer(&client, &mut peer).await;
    calls.expect_none().await;
}

#[tokio::test(start_paused = true)]
async fn the_timeout_of_a_stream_counts_anew_for_each_value() {
    let (client, mut calls) = calls();
    let script = async {
        let mut peer = calls.next().await;
        let id = peer.hear_request(r#""pattern":"a","data":1"#).await;
        for _ in 0..3 {
            peer.expect_silence_of(seconds(29)).await;
            peer.say(&format!(r#"{{"response":7,"id":"{id}"}}"#)).await;
        }
        peer
    };
    let start = Instant::now();
    let values = async {
        let values = client.send_stream::<u32>("a", &1).await.expect("sent");
        values.collect::<Vec<_>>().await
    };
    let (values, mut peer) = tokio::join!(values, script);
    assert!(
        matches!(&values[..], [Ok(7), Ok(7), Ok(7), Err(CallError::Timeout(_))]),
        "{values:?}"
    );
    assert!((seconds(117)..seconds(118)).contains(&start.elapsed()));
    expect_answer(&client, &mut peer).await;
}

#[tokio::test(start_paused = true)]
async fn connecting_counts_as_a_part_of_the_call() {
    let connect = || std::future::pending::<std::io::Result<tokio::io::DuplexStream>>();
    let client = Client::builder().build(Target::connector(connect)).expect("a client");
    let quick = client.with_timeout(seconds(3));
    let start = Instant::now();
    assert_timed_out(&quick.send::<u32>("a", &1).await, seconds(3));
    assert!(start.elapsed() < seconds(4));
}

#[tokio::test(start_paused = true)]
async fn connecting_has_a_timeout_of_its_own() {
    let connect = || std::future::pending::<std::io::Result<tokio::io::DuplexStream>>();
    let client = Client::builder().build(Target::connector(connect)).expect("a client");
    let start = Instant::now();
    let sent = client.send::<u32>("a", &1).await;
    assert!((seconds(10)..seconds(11)).contains(&start.elapsed()));
    match sent {
        Err(CallError::Connect(error)) => assert_eq!(error.kind(), std::io::ErrorKind::TimedOut),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_given_up_before_its_link_was_there_is_never_sent() {
    let (client, mut calls) = calls();
    let mut given_up = Box::pin(client.send::<u32>("given up", &1));
    assert!((&mut given_up).now_or_never().is_none());
    drop(given_up);
    calls.expect_none().await;
    let script = async {
        let mut peer = calls.next().await;
        let id = peer.hear_request(r#""pattern":"works","data":1"#).await;
        peer.say(&format!(r#"{{"response":"yes","isDisposed":true,"id":"{id}"}}"#))
            .await;
    };
    let (answer, ()) = tokio::join!(client.send::<String>("works", &1), script);
    assert_eq!(answer.expect("an answer"), "yes");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_is_forgotten() {
    let (client, mut calls) = calls();
    let mut call = Box::pin(client.send::<u32>("a", &1));
    assert!((&mut call).now_or_never().is_none());
    let mut peer = calls.next().await;
    let id = peer.hear_request(r#""pattern":"a","data":1"#).await;
    drop(call);
    let mut values = client.send_stream::<u32>("b", &1).await.expect("sent");
    let streamed = peer.hear_request(r#""pattern":"b","data":1"#).await;
    peer.say(&format!(r#"{{"response":1,"id":"{streamed}"}}"#)).await;
    assert_eq!(values.next().await.expect("a value").expect("a number"), 1);
    drop(values);
    for id in [id, streamed] {
        peer.say(&format!(r#"{{"response":1,"isDisposed":true,"id":"{id}"}}"#))
            .await;
    }
    expect_answer(&client, &mut peer).await;
    // No call waits any more; otherwise the connection would stay.
    drop(client);
    settle().await;
    peer.expect_end().await;
}
