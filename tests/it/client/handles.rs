//! The values that keep a connection open: handles, streams and runtimes.

use futures_util::{FutureExt, StreamExt};
use nest_wire::client::{CallError, DisconnectReason};

use crate::support::{Peer, calls};

async fn hear(peer: &mut Peer) -> String {
    peer.hear_request(r#""pattern":"a","data":1"#).await
}

async fn answer(peer: &mut Peer, id: &str) {
    peer.say(&format!(r#"{{"response":7,"isDisposed":true,"id":"{id}"}}"#))
        .await;
}

#[tokio::test(start_paused = true)]
async fn the_link_closes_with_the_last_handle() {
    let (client, mut calls) = calls();
    let other = client.clone();
    client.emit("a", &1).await.expect("sent");
    let mut peer = calls.next().await;
    peer.expect(r#"24#{"pattern":"a","data":1}"#).await;
    drop(client);
    peer.expect_silence().await;
    drop(other);
    peer.expect_end().await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_keeps_its_link() {
    let (client, mut calls) = calls();
    let mut values = client.send_stream::<u32>("a", &1).await.expect("sent");
    drop(client);
    let mut peer = calls.next().await;
    let id = hear(&mut peer).await;
    peer.say(&format!(r#"{{"response":1,"id":"{id}"}}"#)).await;
    assert_eq!(values.next().await.expect("a value").expect("a number"), 1);
    peer.expect_silence().await;
    drop(values);
    peer.expect_end().await;
}

#[tokio::test(start_paused = true)]
async fn an_event_is_sent_though_its_sender_does_not_wait() {
    let (client, mut calls) = calls();
    assert!(client.emit("a", &1).now_or_never().is_none());
    drop(client);
    let mut peer = calls.next().await;
    peer.expect(r#"24#{"pattern":"a","data":1}"#).await;
    peer.expect_end().await;
}

#[test]
fn a_client_outlives_the_runtime_it_was_first_used_on() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().expect("a runtime")
    };
    let (client, mut calls) = calls();
    for _ in 0..2 {
        runtime().block_on(async {
            let script = async {
                let mut peer = calls.next().await;
                let id = hear(&mut peer).await;
                answer(&mut peer, &id).await;
            };
            let (outcome, ()) = tokio::join!(client.send::<u32>("a", &1), script);
            assert_eq!(outcome.expect("an answer"), 7);
        });
    }
}

#[test]
fn a_call_is_told_when_the_runtime_of_its_link_is_shut_down() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).enable_all().build().expect("a runtime")
    };
    let (theirs, ours) = (runtime(), runtime());
    let (client, mut calls) = calls();
    let mut peer = theirs.block_on(async {
        client.emit("a", &1).await.expect("sent");
        calls.next().await
    });
    ours.block_on(async {
        peer.expect(r#"24#{"pattern":"a","data":1}"#).await;
        let stop = async {
            hear(&mut peer).await;
            theirs.shutdown_background();
        };
        let (outcome, ()) = tokio::join!(client.send::<u32>("a", &1), stop);
        assert!(
            matches!(outcome, Err(CallError::ConnectionClosed(DisconnectReason::Stopped))),
            "{outcome:?}"
        );
    });
}
