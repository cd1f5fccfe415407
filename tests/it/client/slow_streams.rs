//! Callers that read the values of a stream more slowly than the service sends them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use futures_util::{FutureExt, StreamExt};
use nest_wire::client::{CallError, Client, ClientBuilder, DisconnectReason, ReplyStream};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    sync::mpsc,
    time::sleep,
};

use crate::support::{Calls, Peer, calls_with, frame, settle};

/// Number of bytes of values that the client and a connection buffer each.
const ROOM: usize = 4096;

/// Size of a value with its packet.
const VALUE: usize = 400;

fn config() -> ClientBuilder {
    Client::builder().max_stream_buffer(ROOM)
}

async fn hear(peer: &mut Peer, pattern: &str) -> String {
    peer.hear_request(&format!(r#""pattern":"{pattern}","data":1"#)).await
}

/// A stream whose service sends as fast as it can.
struct Flood {
    client: Client,
    values: ReplyStream<(u32, String)>,
    sent: Arc<AtomicU32>,
}

impl Flood {
    async fn begin(config: ClientBuilder) -> Self {
        let (client, mut calls) = calls_with(config, ROOM);
        let values = client.send_stream("flood", &1).await.expect("sent");
        let sent = Arc::default();
        let mut peer = calls.next().await;
        let id = hear(&mut peer, "flood").await;
        tokio::spawn(serve(peer, id, Arc::clone(&sent)));
        Self { client, values, sent }
    }

    async fn next(&mut self) -> u32 {
        self.values.next().await.expect("a value").expect("no error").0
    }

    /// Returns the number of values that the service has sent, once it can send no more.
    async fn sent(&self) -> usize {
        let mut before = 0;
        loop {
            sleep(Duration::from_secs(1)).await;
            match self.sent.load(SeqCst) as usize {
                now if now == before => return now,
                now => before = now,
            }
        }
    }
}

/// Sends values without end, and answers calls between two of them.
async fn serve(peer: Peer, id: String, sent: Arc<AtomicU32>) {
    let (reads, mut writes) = tokio::io::split(peer.into_inner());
    let (packets, mut written) = mpsc::channel::<String>(1);
    let answers = packets.clone();
    let answer = async {
        let mut requests = BufReader::new(reads).split(b'}');
        while let Ok(Some(request)) = requests.next_segment().await {
            let request = String::from_utf8(request).expect("ASCII");
            let id = request.rsplit(r#""id":"#).next().expect("an id");
            let reply = format!(r#"{{"response":7,"isDisposed":true,"id":{id}}}"#);
            answers.send(reply).await.expect("it is written");
        }
    };
    let flood = async {
        for number in 0.. {
            let text = "x".repeat(VALUE);
            let value = format!(r#"{{"response":[{number},"{text}"],"id":"{id}"}}"#);
            if packets.send(value).await.is_err() {
                break;
            }
            sent.store(number + 1, SeqCst);
        }
    };
    let write = async {
        while let Some(packet) = written.recv().await {
            if writes.write_all(frame(&packet).as_bytes()).await.is_err() {
                written.close();
            }
        }
    };
    tokio::join!(answer, flood, write);
}

/// Maximum number of values on the way: in the client, in the segment that was read last, and in
/// the connection.
const ON_ITS_WAY: usize = (ROOM + ROOM + ROOM) / VALUE + 10;

#[tokio::test(start_paused = true)]
async fn a_stream_that_nobody_takes_stops_its_service_and_goes_on_when_somebody_does() {
    let mut flood = Flood::begin(config()).await;
    assert_eq!(flood.next().await, 0);
    let mut taken = 1;
    for _ in 0..3 {
        let sent = flood.sent().await;
        assert!(sent - taken <= ON_ITS_WAY, "{sent} were sent, {taken} taken");
        // Longer than the timeout: the client did not read, but the service was not silent.
        sleep(Duration::from_secs(60)).await;
        for _ in 0..2 * ON_ITS_WAY {
            assert_eq!(flood.next().await as usize, taken);
            taken += 1;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_nobody_takes_ends_with_a_reason_as_soon_as_another_call_waits() {
    let mut flood = Flood::begin(config()).await;
    assert_eq!(flood.next().await, 0);
    flood.sent().await;
    assert_eq!(flood.client.send::<u32>("ping", &1).await.expect("an answer"), 7);
    let mut values = Vec::new();
    let end = loop {
        match flood.values.next().await.expect("an error at the end") {
            Ok((number, _)) => values.push(number),
            Err(error) => break error,
        }
    };
    assert!(
        matches!(end, CallError::StreamOverflow(ROOM)) && !end.is_unsent(),
        "{end:?}"
    );
    assert!(values.iter().copied().eq(1..=values.len() as u32), "{values:?}");
    assert!((values.len() - 1) * VALUE >= ROOM / 2, "{}", values.len());
    assert!(flood.values.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_taken_fast_enough_goes_on_beside_other_calls() {
    let mut flood = Flood::begin(config().max_stream_buffer(1 << 20)).await;
    for number in 0..500 {
        assert_eq!(flood.next().await, number);
        if number % 50 == 0 {
            assert_eq!(flood.client.send::<u32>("ping", &1).await.expect("an answer"), 7);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_whose_full_stream_is_dropped_goes_on() {
    let mut flood = Flood::begin(config()).await;
    assert_eq!(flood.next().await, 0);
    flood.sent().await;
    drop(flood.values);
    assert_eq!(flood.client.send::<u32>("ping", &1).await.expect("an answer"), 7);
}

/// Returns a full stream, all of whose values come from a script.
async fn full(config: ClientBuilder) -> (Client, Calls, Peer, ReplyStream<u32>, String) {
    let (client, mut calls) = calls_with(config.max_stream_buffer(0), 4096);
    let values = client.send_stream::<u32>("a", &1).await.expect("sent");
    let mut peer = calls.next().await;
    let id = hear(&mut peer, "a").await;
    peer.say(&format!(r#"{{"response":1,"id":"{id}"}}"#)).await;
    settle().await;
    (client, calls, peer, values, id)
}

#[tokio::test(start_paused = true)]
async fn without_capacity_values_come_one_by_one() {
    let (_client, _calls, mut peer, mut values, id) = full(Client::builder()).await;
    for number in 2..10 {
        peer.say(&format!(r#"{{"response":{number},"id":"{id}"}}"#)).await;
        settle().await;
        assert_eq!(values.next().await.expect("a value").expect("a number"), number - 1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_connection_that_was_not_read_comes_after_the_values() {
    let (_client, _calls, mut peer, values, id) = full(Client::builder()).await;
    peer.say(&format!(r#"{{"response":2,"id":"{id}"}}"#)).await;
    drop(peer);
    settle().await;
    let values: Vec<_> = values.collect().await;
    assert!(
        matches!(
            &values[..],
            [Ok(1), Ok(2), Err(CallError::ConnectionClosed(DisconnectReason::ByPeer))]
        ),
        "{values:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_timeout_of_a_stream_that_was_not_read_counts_from_when_it_is_read_again() {
    let (_client, _calls, peer, mut values, _) = full(Client::builder()).await;
    sleep(Duration::from_secs(100)).await;
    assert_eq!(values.next().await.expect("a value").expect("a number"), 1);
    let start = tokio::time::Instant::now();
    let end = values.next().await.expect("an error");
    assert!(matches!(end, Err(CallError::Timeout(_))), "{end:?}");
    assert!((30..31).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    drop(peer);
}

#[tokio::test(start_paused = true)]
async fn half_a_packet_that_was_not_read_on_has_all_its_time_again() {
    let (_client, _calls, mut peer, mut values, id) = full(Client::builder().timeout(Duration::MAX)).await;
    let next = format!(r#"{{"response":2,"id":"{id}"}}"#);
    let next = format!("{}#{next}", next.len());
    let (half, rest) = next.split_at(20);
    assert_eq!(values.next().await.expect("a value").expect("a number"), 1);
    peer.send(&[&next[..], half].concat()).await;
    settle().await;
    sleep(Duration::from_secs(100)).await;
    assert_eq!(values.next().await.expect("a value").expect("a number"), 2);
    peer.expect_silence_of(Duration::from_secs(20)).await;
    peer.send(rest).await;
    assert_eq!(values.next().await.expect("a value").expect("a number"), 2);
}

#[tokio::test(start_paused = true)]
async fn closing_does_not_wait_for_ever_for_a_stream_that_nobody_takes() {
    let (client, _calls, _peer, values, _) = full(Client::builder()).await;
    let start = tokio::time::Instant::now();
    client.close().await;
    assert!((25..26).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    let values: Vec<_> = values.collect().await;
    assert!(
        matches!(
            &values[..],
            [Ok(1), Err(CallError::ConnectionClosed(DisconnectReason::Closed))]
        ),
        "{values:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn events_go_out_while_nobody_takes_a_full_stream() {
    let (client, _calls, mut peer, mut values, _) = full(Client::builder()).await;
    client.emit("b", &1).await.expect("sent");
    peer.expect(r#"24#{"pattern":"b","data":1}"#).await;
    assert_eq!(values.next().await.expect("a value").expect("a number"), 1);
    assert!(values.next().now_or_never().is_none(), "it goes on");
}

#[tokio::test(start_paused = true)]
async fn a_place_in_flight_is_free_when_a_stream_has_ended_though_it_is_still_there() {
    let (client, mut calls) = calls_with(Client::builder().max_in_flight(1), 4096);
    let mut values = client.send_stream::<u32>("a", &1).await.expect("sent");
    let mut peer = calls.next().await;
    let id = hear(&mut peer, "a").await;
    peer.say(&format!(r#"{{"response":1,"isDisposed":true,"id":"{id}"}}"#))
        .await;
    assert_eq!(values.next().await.expect("a value").expect("a number"), 1);
    assert!(values.next().await.is_none());
    let script = async {
        let id = hear(&mut peer, "b").await;
        peer.say(&format!(r#"{{"response":7,"isDisposed":true,"id":"{id}"}}"#))
            .await;
    };
    let (outcome, ()) = tokio::join!(client.send::<u32>("b", &1), script);
    assert_eq!(outcome.expect("an answer"), 7);
    assert!(values.next().await.is_none());
}
