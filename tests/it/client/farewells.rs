//! How a client closes its connections without losing what it has sent.

use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use nest_wire::client::{CallError, Client, ConnectionState};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::mpsc::UnboundedReceiver,
    time::Instant,
};

use crate::support::{Farewell, Farewells, Peer, frame, settle, witnessed};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

async fn next(links: &mut UnboundedReceiver<Peer>) -> Peer {
    links.recv().await.expect("a link")
}

fn assert_in_order(farewells: &Farewells) {
    assert_eq!(farewells.all(), [Farewell::IN_ORDER]);
}

/// Expects the end of our side, still answers a cancelled call, and closes.
async fn answer_late_and_close(mut peer: Peer, id: &str, farewells: &Farewells) {
    peer.expect_end().await;
    for _ in 0..100 {
        peer.say(&format!(r#"{{"response":"{}","id":"{id}"}}"#, "x".repeat(1000)))
            .await;
    }
    settle().await;
    assert_eq!(farewells.all(), [], "the peer has not closed");
    drop(peer);
    settle().await;
    assert_in_order(farewells);
}

#[tokio::test(start_paused = true)]
async fn closing_reads_on_until_the_service_has_closed_too() {
    let (client, mut links, farewells) = witnessed(Client::builder(), 4096);
    let outcome = client.with_timeout(seconds(1)).send::<u32>("a", &1).await;
    assert!(matches!(outcome, Err(CallError::Timeout(_))), "{outcome:?}");
    let mut peer = next(&mut links).await;
    let id = peer.hear_request(r#""pattern":"a","data":1"#).await;
    client.emit("b", &1).await.expect("sent");
    peer.expect(r#"24#{"pattern":"b","data":1}"#).await;
    let mut closing = Box::pin(client.close());
    assert!((&mut closing).now_or_never().is_none());
    tokio::join!(closing, answer_late_and_close(peer, &id, &farewells));
    assert!(matches!(client.state(), ConnectionState::Disconnected(_)));
}

#[tokio::test(start_paused = true)]
async fn the_last_handle_lets_go_as_closing_does() {
    let (client, mut links, farewells) = witnessed(Client::builder(), 4096);
    let outcome = client.with_timeout(seconds(1)).send::<u32>("a", &1).await;
    assert!(matches!(outcome, Err(CallError::Timeout(_))), "{outcome:?}");
    let mut peer = next(&mut links).await;
    let id = peer.hear_request(r#""pattern":"a","data":1"#).await;
    drop(client);
    answer_late_and_close(peer, &id, &farewells).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_goes_on_though_nobody_takes_it_is_read_until_the_service_closes() {
    let (client, mut links, farewells) = witnessed(Client::builder(), 256);
    let mut values = client.send_stream::<u32>("a", &1).await.expect("sent").take(1);
    let mut peer = next(&mut links).await;
    let id = peer.hear_request(r#""pattern":"a","data":1"#).await;
    let value = format!(r#"{{"response":1,"id":"{id}"}}"#);
    peer.say(&value).await;
    assert_eq!(values.next().await.expect("a value").expect("a number"), 1);
    drop(values);
    let events = async {
        for _ in 0..100 {
            client.emit("b", &1).await.expect("sent");
        }
        client.close().await;
    };
    let (mut reads, mut writes) = tokio::io::split(peer.into_inner());
    let service = async {
        let mut received = String::new();
        let all = async {
            reads.read_to_string(&mut received).await.expect("a clean end");
        };
        // The peer writes while it reads, and then some more.
        let flood = async {
            loop {
                writes.write_all(frame(&value).as_bytes()).await.expect("it is read");
            }
        };
        tokio::select! { () = all => {}, () = flood => {} }
        for _ in 0..1000 {
            writes.write_all(frame(&value).as_bytes()).await.expect("it is read");
        }
        writes.shutdown().await.expect("it is open");
        received
    };
    let ((), received) = tokio::join!(events, service);
    assert_eq!(received.matches(r#""pattern":"b""#).count(), 100);
    assert_in_order(&farewells);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_does_not_close_is_waited_for_within_the_drain_timeout() {
    let (client, mut links, farewells) = witnessed(Client::builder().drain_timeout(seconds(5)), 4096);
    client.emit("b", &1).await.expect("sent");
    let _peer = next(&mut links).await;
    let start = Instant::now();
    client.close().await;
    assert!(
        (seconds(5)..seconds(6)).contains(&start.elapsed()),
        "{:?}",
        start.elapsed()
    );
    let cut = Farewell {
        is_shut: true,
        has_read_all: false,
    };
    assert_eq!(farewells.all(), [cut]);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_sends_what_is_no_packet_may_still_read_what_was_sent() {
    let (client, mut links, farewells) = witnessed(Client::builder(), 4096);
    client.emit("b", &1).await.expect("sent");
    let mut peer = next(&mut links).await;
    let call = client.send::<u32>("a", &1);
    let script = async {
        peer.expect(r#"24#{"pattern":"b","data":1}"#).await;
        let id = peer.hear_request(r#""pattern":"a","data":1"#).await;
        peer.send("no#frame").await;
        answer_late_and_close(peer, &id, &farewells).await;
    };
    let (outcome, ()) = tokio::join!(call, script);
    assert!(matches!(outcome, Err(CallError::ConnectionClosed(_))), "{outcome:?}");
}

/// The same over TCP, where the system resets a connection that one side has dropped.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_event_is_lost_over_tcp_when_an_answer_comes_late() {
    const EVENTS: usize = 400;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    let (emitted, all_emitted) = tokio::sync::oneshot::channel();
    let service = tokio::spawn(async move {
        let (mut link, _) = listener.accept().await.expect("a caller");
        let mut first = vec![0; 4096];
        let length = link.read(&mut first).await.expect("a request");
        let text = String::from_utf8_lossy(&first[..length]).into_owned();
        let id = text.split(r#""id":""#).nth(1).and_then(|rest| rest.split('"').next());
        let reply = frame(&format!(
            r#"{{"response":1,"isDisposed":true,"id":"{}"}}"#,
            id.expect("an id")
        ));
        // Events now wait in the system, and perhaps the end of the connection.
        all_emitted.await.expect("no panic");
        for _ in 0..100 {
            tokio::task::yield_now().await;
            link.write_all(reply.as_bytes()).await.expect("nothing is reset");
        }
        let mut rest = Vec::new();
        link.read_to_end(&mut rest).await.expect("nothing is reset");
        String::from_utf8_lossy(&rest).matches(r#""pattern":"log""#).count()
    });
    let client = nest_wire::client::Client::new(address);
    let given_up = client
        .with_timeout(Duration::from_millis(10))
        .send::<u32>("slow", &1)
        .await;
    assert!(matches!(given_up, Err(CallError::Timeout(_))), "{given_up:?}");
    let text = "e".repeat(100);
    for _ in 0..EVENTS {
        client.emit("log", &text).await.expect("sent");
    }
    emitted.send(()).expect("no panic");
    client.close().await;
    assert_eq!(service.await.expect("no panic"), EVENTS);
}
