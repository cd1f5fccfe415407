//! Services that do not read.

use std::time::Duration;

use futures_util::{FutureExt, StreamExt, future::join_all, stream::FuturesUnordered};
use nest_wire::client::{CallError, Client};
use tokio::time::{Instant, sleep};

use crate::support::{calls_with, frame, settle};

#[tokio::test(start_paused = true)]
async fn callers_wait_for_a_service_that_does_not_read_and_time_out() {
    let (client, mut calls) = calls_with(Client::builder(), 1024);
    let text = "x".repeat(1000);
    let start = Instant::now();
    let outcomes = join_all((0..5000).map(|_| client.send::<u32>("a", &text))).await;
    assert!((30..31).contains(&start.elapsed().as_secs()));
    for outcome in outcomes {
        assert!(matches!(outcome, Err(CallError::Timeout(_))), "{outcome:?}");
    }
    // Few of the calls had been written by then; the others are never sent.
    let mut peer = calls.next().await;
    drop(client);
    let written = String::from_utf8(peer.take_all().await).expect("ASCII");
    let written = written.matches("\"id\":").count();
    assert!((1..100).contains(&written), "{written}");
}

#[tokio::test(start_paused = true)]
async fn callers_that_waited_go_on_when_the_service_reads() {
    const CALLS: usize = 3000;
    let (client, mut calls) = calls_with(Client::builder(), 1024);
    let text = "x".repeat(1000);
    let script = async {
        let mut peer = calls.next().await;
        sleep(Duration::from_secs(20)).await;
        for _ in 0..CALLS {
            let id = peer.hear_request(&format!(r#""pattern":"a","data":"{text}""#)).await;
            peer.say(&format!(r#"{{"response":7,"isDisposed":true,"id":"{id}"}}"#))
                .await;
        }
    };
    let all: FuturesUnordered<_> = (0..CALLS).map(|_| client.send::<u32>("a", &text)).collect();
    let all = all.map(|outcome| assert_eq!(outcome.expect("an answer"), 7));
    tokio::join!(all.collect::<()>(), script);
}

#[tokio::test(start_paused = true)]
async fn an_event_counts_as_sent_when_its_own_bytes_are() {
    let (client, mut calls) = calls_with(Client::builder(), 1000);
    let text = "x".repeat(100_000);
    let mut first = Box::pin(client.emit("a", &1));
    let mut second = Box::pin(client.emit("b", &text));
    assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
    let mut peer = calls.next().await;
    settle().await;
    (&mut first).now_or_never().expect("it is out").expect("sent");
    assert!((&mut second).now_or_never().is_none());
    peer.expect(r#"24#{"pattern":"a","data":1}"#).await;
    let script = peer.expect(frame(&format!(r#"{{"pattern":"b","data":"{text}"}}"#)));
    let (sent, ()) = tokio::join!(second, script);
    sent.expect("sent");
}

#[tokio::test(start_paused = true)]
async fn replies_are_read_while_the_service_does_not_read() {
    let (client, mut calls) = calls_with(Client::builder(), 1000);
    let text = "x".repeat(1_000_000);
    let script = async {
        let mut peer = calls.next().await;
        let id = peer.hear_request(r#""pattern":"a","data":1"#).await;
        let reply = format!(r#"{{"response":"{text}","isDisposed":true,"id":"{id}"}}"#);
        peer.say(&reply).await;
        peer.hear(&format!(r#"{{"pattern":"b","data":"{text}"}}"#)).await;
    };
    let (answer, sent, ()) = tokio::join!(client.send::<String>("a", &1), client.emit("b", &text), script);
    assert!(answer.expect("an answer") == text);
    sent.expect("sent");
}
