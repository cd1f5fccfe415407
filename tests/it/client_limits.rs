//! Callers that want more than a client takes on.

use std::time::Duration;

use futures_util::{FutureExt, StreamExt, future::join_all};
use nest_wire::client::{CallError, Config, WhenFull};

use crate::support::{Peer, calls_with, settle};

async fn hear(peer: &mut Peer) -> String {
    peer.hear_request(r#""pattern":"a","data":1"#).await
}

async fn answer(peer: &mut Peer, id: &str) {
    peer.say(&format!(r#"{{"response":7,"isDisposed":true,"id":"{id}"}}"#))
        .await;
}

#[tokio::test(start_paused = true)]
async fn no_more_requests_are_under_way_than_may_be_and_the_others_wait_their_turn() {
    let (client, mut calls) = calls_with(Config::default().max_in_flight(2), 4096);
    let script = async {
        let mut peer = calls.next().await;
        let mut under_way = vec![hear(&mut peer).await, hear(&mut peer).await];
        for _ in 0..3 {
            peer.expect_silence().await;
            answer(&mut peer, &under_way.remove(0)).await;
            under_way.push(hear(&mut peer).await);
        }
        for id in under_way {
            answer(&mut peer, &id).await;
        }
    };
    let (outcomes, ()) = tokio::join!(join_all((0..5).map(|_| client.send::<u32>("a", &1))), script);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(7))), "{outcomes:?}");
}

#[tokio::test(start_paused = true)]
async fn who_waits_too_long_for_a_place_times_out() {
    let (client, mut calls) = calls_with(Config::default().max_in_flight(1), 4096);
    let values = client.send_stream::<u32>("a", &1).await.expect("sent");
    let mut peer = calls.next().await;
    hear(&mut peer).await;
    let quick = client.with_timeout(Duration::from_secs(1));
    let outcome = quick.send::<u32>("a", &1).await;
    assert!(matches!(outcome, Err(CallError::Timeout(limit)) if limit == Duration::from_secs(1)));
    client.emit("b", &1).await.expect("events need no place");
    drop(values);
    peer.expect(r#"24#{"pattern":"b","data":1}"#).await;
    let script = async {
        let id = hear(&mut peer).await;
        answer(&mut peer, &id).await;
    };
    let (outcome, ()) = tokio::join!(client.send::<u32>("a", &1), script);
    assert_eq!(outcome.expect("the stream's place is free"), 7);
}

#[tokio::test(start_paused = true)]
async fn callers_that_had_better_not_wait_fail_at_once() {
    let config = Config::default().max_in_flight(1).when_full(WhenFull::Fail);
    let (client, mut calls) = calls_with(config, 4096);
    let mut first = Box::pin(client.send::<u32>("a", &1));
    assert!((&mut first).now_or_never().is_none());
    let outcome = client.send::<u32>("a", &1).now_or_never().expect("at once");
    assert!(matches!(outcome, Err(CallError::Overloaded)), "{outcome:?}");
    let script = async {
        let mut peer = calls.next().await;
        let id = hear(&mut peer).await;
        answer(&mut peer, &id).await;
        let id = hear(&mut peer).await;
        answer(&mut peer, &id).await;
    };
    let both = async {
        assert_eq!(first.await.expect("an answer"), 7);
        assert_eq!(client.send::<u32>("a", &1).await.expect("an answer"), 7);
    };
    tokio::join!(both, script);
}

#[tokio::test(start_paused = true)]
async fn no_more_packets_wait_to_be_written_than_may() {
    let config = Config::default().max_queued(3).when_full(WhenFull::Fail);
    let (client, mut calls) = calls_with(config, 64);
    // This one fills the link, and what may be written ahead of it.
    let text = "x".repeat(100_000);
    let mut emitted = vec![Box::pin(client.emit("a", &text))];
    assert!((&mut emitted[0]).now_or_never().is_none());
    let mut peer = calls.next().await;
    settle().await;
    for _ in 0..3 {
        emitted.push(Box::pin(client.emit("a", &text)));
        assert!(emitted.last_mut().expect("one").now_or_never().is_none());
    }
    let outcome = client.emit("a", &text).now_or_never().expect("at once");
    assert!(matches!(outcome, Err(CallError::Overloaded)), "{outcome:?}");
    let (outcomes, heard) = tokio::join!(join_all(emitted), peer.take(4 * 100_030));
    assert!(outcomes.iter().all(Result::is_ok) && heard.len() == 4 * 100_030);
    let (outcome, _) = tokio::join!(client.emit("a", &1), peer.take(20));
    outcome.expect("there is room again");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_given_up_makes_room() {
    let config = Config::default().max_queued(1).when_full(WhenFull::Fail);
    let (client, mut calls) = calls_with(config, 64);
    let text = "x".repeat(100_000);
    let mut first = Box::pin(client.send::<u32>("a", &text));
    assert!((&mut first).now_or_never().is_none());
    let _peer = calls.next().await;
    settle().await;
    for _ in 0..10 {
        let mut queued = Box::pin(client.send::<u32>("a", &1));
        assert!((&mut queued).now_or_never().is_none());
        drop(queued);
        settle().await;
    }
    let quick = client.with_timeout(Duration::from_secs(1));
    let outcome = quick.send::<u32>("a", &1).await;
    assert!(matches!(outcome, Err(CallError::Timeout(_))), "{outcome:?}");
    let mut values = client.send_stream::<u32>("a", &1).await.expect("the timeout made room");
    assert!(values.next().now_or_never().is_none());
}
