//! Streams whose packet is sent again, because their host was lost before it was written or
//! rejected it.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::StreamExt;
use nest_wire::client::{CallError, Client, ClientBuilder, OverloadPolicy, ReplyStream, Target};
use tokio::{io::duplex, time::Instant};

use crate::support::{Peer, calls, frame, settle};

/// Number of characters of an event that blocks a connection.
const SIZE: usize = 200_000;

/// Two hosts that do not read by themselves. Both queues, of one packet each, are full with a
/// stream.
struct Stuck {
    streams: [ReplyStream<u32>; 2],
    peers: Vec<Peer>,
}

impl Stuck {
    async fn new(config: ClientBuilder) -> Self {
        let peers = Arc::new(Mutex::new([None, None]));
        let connectors = [0, 1].map(|host| {
            let (peers, has_been_up) = (Arc::clone(&peers), Arc::new(Mutex::new(false)));
            move || {
                let was_up = std::mem::replace(&mut *has_been_up.lock().expect("no panic"), true);
                let outcome = if was_up {
                    Err(io::ErrorKind::ConnectionRefused.into())
                } else {
                    let (ours, theirs) = duplex(64);
                    peers.lock().expect("no panic")[host] = Some(Peer::new(theirs));
                    Ok(ours)
                };
                std::future::ready(outcome)
            }
        });
        let client = config
            .max_queued(1)
            .build(Target::connectors(connectors))
            .expect("a client");
        client.connect().await.expect("both are up");
        settle().await;
        for _ in 0..2 {
            let (client, text) = (client.clone(), "x".repeat(SIZE));
            tokio::spawn(async move { client.emit("log", &text).await });
            settle().await;
        }
        let streams = [
            client.send_stream("a", &1).await.expect("room in one queue"),
            client.send_stream("a", &1).await.expect("room in the other queue"),
        ];
        let peers = std::mem::take(&mut *peers.lock().expect("no panic"));
        let peers = peers.into_iter().flatten().collect();
        Self { streams, peers }
    }
}

async fn answer_next(peer: &mut Peer) {
    let id = peer.hear_request(r#""pattern":"a","data":1"#).await;
    peer.say(&format!(r#"{{"response":7,"isDisposed":true,"id":"{id}"}}"#))
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_a_lost_host_waits_for_room_in_the_other_hosts_queue() {
    let Stuck { streams, mut peers } = Stuck::new(Client::builder()).await;
    let callers = streams.map(|stream| tokio::spawn(stream.collect::<Vec<_>>()));
    settle().await;
    peers.remove(0);
    settle().await;
    assert!(callers.iter().all(|caller| !caller.is_finished()), "both wait");
    let mut other = peers.remove(0);
    other
        .expect(frame(&format!(r#"{{"pattern":"log","data":"{}"}}"#, "x".repeat(SIZE))))
        .await;
    answer_next(&mut other).await;
    answer_next(&mut other).await;
    for caller in callers {
        let values = caller.await.expect("no panic");
        assert!(matches!(&values[..], [Ok(7)]), "{values:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_waits_for_room_at_another_host_keeps_its_deadline() {
    let start = Instant::now();
    let config = Client::builder().timeout(Duration::from_secs(5));
    let Stuck { streams, mut peers } = Stuck::new(config).await;
    let callers = streams.map(|stream| tokio::spawn(stream.collect::<Vec<_>>()));
    settle().await;
    peers.remove(0);
    for caller in callers {
        let values = caller.await.expect("no panic");
        assert!(matches!(&values[..], [Err(CallError::Timeout(_))]), "{values:?}");
    }
    assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_not_to_wait_fails_when_the_other_hosts_queue_is_full() {
    let config = Client::builder().overload(OverloadPolicy::Fail);
    let Stuck { streams, mut peers } = Stuck::new(config).await;
    let callers = streams.map(|stream| tokio::spawn(stream.collect::<Vec<_>>()));
    settle().await;
    peers.remove(0);
    settle().await;
    assert_eq!(callers.iter().filter(|caller| caller.is_finished()).count(), 1);
    for caller in callers.into_iter().filter(tokio::task::JoinHandle::is_finished) {
        let values = caller.await.expect("no panic");
        assert!(matches!(&values[..], [Err(CallError::Overloaded)]), "{values:?}");
    }
}

async fn refuse_next(peer: &mut Peer) {
    let id = peer.hear_request(r#""pattern":"a","data":1,"metadata":[1]"#).await;
    let err = r#"{"status":"error","message":"the service is stopping"}"#;
    peer.say(&format!(r#"{{"err":{err},"isDisposed":true,"id":"{id}"}}"#))
        .await;
    peer.expect_end().await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_was_refused_is_sent_again_on_another_connection() {
    let (client, mut calls) = calls();
    let client = client.with_metadata(&[1]).expect("JSON");
    let stream = client.send_stream::<u32>("a", &1).await.expect("sent");
    let script = async {
        refuse_next(&mut calls.next().await).await;
        let mut peer = calls.next().await;
        let id = peer.hear_request(r#""pattern":"a","data":1,"metadata":[1]"#).await;
        peer.say(&format!(r#"{{"response":1,"id":"{id}"}}"#)).await;
        peer.say(&format!(r#"{{"response":2,"isDisposed":true,"id":"{id}"}}"#))
            .await;
        peer
    };
    let (values, _peer) = tokio::join!(stream.collect::<Vec<_>>(), script);
    assert!(matches!(&values[..], [Ok(1), Ok(2)]), "{values:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_sent_again_a_few_times_and_then_fails_as_unsent() {
    let (client, mut calls) = calls();
    let client = client.with_metadata(&[1]).expect("JSON");
    let stream = client.send_stream::<u32>("a", &1).await.expect("sent");
    let script = async {
        for _ in 0..4 {
            refuse_next(&mut calls.next().await).await;
        }
    };
    let (values, ()) = tokio::join!(stream.collect::<Vec<_>>(), script);
    assert!(matches!(&values[..], [Err(error)] if error.is_unsent()), "{values:?}");
    calls.expect_none().await;
}
