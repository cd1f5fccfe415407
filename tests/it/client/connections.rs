//! Connections that are lost, and the ones that follow.

use std::{
    error::Error,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use futures_util::{StreamExt, future::join_all};
use nest_wire::client::{CallError, Client, DisconnectReason, Target};
use tokio::sync::mpsc;

use crate::support::{Peer, calls, settle};

async fn hear(peer: &mut Peer) -> String {
    peer.hear_request(r#""pattern":"a","data":1"#).await
}

async fn answer(peer: &mut Peer, id: &str) {
    peer.say(&format!(r#"{{"response":7,"isDisposed":true,"id":"{id}"}}"#))
        .await;
}

/// Returns the message of an error and those of its causes.
fn told(error: &CallError) -> Vec<String> {
    let causes = std::iter::successors(error.source(), |error| (*error).source());
    [error.to_string()]
        .into_iter()
        .chain(causes.map(ToString::to_string))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn every_waiting_call_learns_that_the_service_closed() {
    let (client, mut calls) = calls();
    let script = async {
        let mut peer = calls.next().await;
        for _ in 0..3 {
            hear(&mut peer).await;
        }
        peer.half_close().await;
        peer.expect_end().await;
    };
    let (outcomes, ()) = tokio::join!(join_all((0..3).map(|_| client.send::<u32>("a", &1))), script);
    for outcome in outcomes {
        let error = outcome.expect_err("the link is gone");
        assert_eq!(told(&error), ["Connection closed", "the service closed the connection"]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_reason_of_a_loss_is_told() {
    for (last_words, reason) in [
        (
            "12#{",
            vec!["the service closed the connection in the middle of a packet"],
        ),
        (
            "x#{}",
            vec![
                "the connection failed",
                "the peer broke the framing",
                "frame header \"x\" does not begin with a number",
            ],
        ),
        (
            "2#{]",
            vec![
                "the connection failed",
                "the peer sent a frame without JSON",
                "the frame's text is not JSON: \"{]\"",
                "unexpected ']' in JSON text at byte 1",
            ],
        ),
    ] {
        let (client, mut calls) = calls();
        let script = async {
            let mut peer = calls.next().await;
            hear(&mut peer).await;
            peer.send(last_words).await;
        };
        let (outcome, ()) = tokio::join!(client.send::<u32>("a", &1), script);
        let told = told(&outcome.expect_err("the link is gone"));
        assert_eq!(told[0], "Connection closed");
        assert_eq!(told[1..], reason[..]);
    }
}

#[tokio::test(start_paused = true)]
async fn half_a_reply_is_waited_for_thirty_seconds() {
    let (client, mut calls) = calls();
    let client = client.with_timeout(Duration::from_secs(60));
    let script = async {
        let mut peer = calls.next().await;
        hear(&mut peer).await;
        peer.send("40#{\"resp").await;
        peer.expect_silence_of(Duration::from_secs(29)).await;
        peer.expect_end().await;
    };
    let (outcome, ()) = tokio::join!(client.send::<u32>("a", &1), script);
    let told = told(&outcome.expect_err("the link is gone"));
    assert_eq!(told[2], "the peer sent half a frame and then nothing for 30s");
}

#[tokio::test(start_paused = true)]
async fn a_stream_has_its_values_and_then_the_loss() {
    let (client, mut calls) = calls();
    let script = async {
        let mut peer = calls.next().await;
        let id = hear(&mut peer).await;
        peer.say(&format!(r#"{{"response":1,"id":"{id}"}}"#)).await;
        peer.say(&format!(r#"{{"response":2,"id":"{id}"}}"#)).await;
    };
    let values = async {
        let values = client.send_stream::<u32>("a", &1).await.expect("sent");
        values.collect::<Vec<_>>().await
    };
    let (values, ()) = tokio::join!(values, script);
    assert!(
        matches!(
            &values[..],
            [Ok(1), Ok(2), Err(CallError::ConnectionClosed(DisconnectReason::ByPeer))]
        ),
        "{values:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_value_before_the_loss_does_not_save_a_call_that_wants_the_last() {
    let (client, mut calls) = calls();
    let script = async {
        let mut peer = calls.next().await;
        let id = hear(&mut peer).await;
        peer.say(&format!(r#"{{"response":1,"id":"{id}"}}"#)).await;
    };
    let (outcome, ()) = tokio::join!(client.send::<u32>("a", &1), script);
    assert!(matches!(outcome, Err(CallError::ConnectionClosed(_))), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn the_next_call_connects_again() {
    let (client, mut calls) = calls();
    for _ in 0..3 {
        let script = async {
            let mut peer = calls.next().await;
            let id = hear(&mut peer).await;
            answer(&mut peer, &id).await;
            peer
        };
        let (outcome, peer) = tokio::join!(client.send::<u32>("a", &1), script);
        assert_eq!(outcome.expect("an answer"), 7);
        drop(peer);
        // No pause: the client may not have detected the loss when the next call is made.
    }
    calls.expect_none().await;
}

#[tokio::test(start_paused = true)]
async fn a_failure_to_connect_is_every_waiting_calls() {
    let refuse = || async { Err::<tokio::io::DuplexStream, _>(io::Error::from(io::ErrorKind::ConnectionRefused)) };
    let client = Client::builder().build(Target::connector(refuse)).expect("a client");
    let (sent, emitted, streamed) = tokio::join!(client.send::<u32>("a", &1), client.emit("a", &1), async {
        let values = client.send_stream::<u32>("a", &1).await.expect("handed over");
        values.collect::<Vec<_>>().await
    });
    let streamed = streamed.into_iter().next().expect("an item");
    for outcome in [sent.map(drop), emitted, streamed.map(drop)] {
        let error = outcome.expect_err("nobody is there");
        assert_eq!(told(&error), ["cannot connect", "connection refused"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_may_come_up_after_a_failure() {
    let is_up = Arc::new(AtomicBool::new(false));
    let (call, mut calls) = mpsc::unbounded_channel();
    let seen = Arc::clone(&is_up);
    let connect = move || {
        let (ours, theirs) = tokio::io::duplex(1024);
        let taken = seen.load(SeqCst) && call.send(Peer::new(theirs)).is_ok();
        async move {
            taken
                .then_some(ours)
                .ok_or_else(|| io::ErrorKind::ConnectionRefused.into())
        }
    };
    let client = Client::builder().build(Target::connector(connect)).expect("a client");
    let refused = client.send::<u32>("a", &1).await;
    assert!(matches!(refused, Err(CallError::Connect(_))), "{refused:?}");
    is_up.store(true, SeqCst);
    let script = async {
        let mut peer = calls.recv().await.expect("a link");
        let id = hear(&mut peer).await;
        answer(&mut peer, &id).await;
    };
    let (outcome, ()) = tokio::join!(client.send::<u32>("a", &1), script);
    assert_eq!(outcome.expect("an answer"), 7);
}

#[tokio::test(start_paused = true)]
async fn a_call_after_a_loss_that_is_known_is_not_lost_with_it() {
    let (client, mut calls) = calls();
    client.emit("a", &1).await.expect("sent");
    let mut peer = calls.next().await;
    peer.expect(r#"24#{"pattern":"a","data":1}"#).await;
    drop(peer);
    settle().await;
    let script = async {
        let mut peer = calls.next().await;
        let id = hear(&mut peer).await;
        answer(&mut peer, &id).await;
    };
    let (outcome, ()) = tokio::join!(client.send::<u32>("a", &1), script);
    assert_eq!(outcome.expect("an answer"), 7);
}
