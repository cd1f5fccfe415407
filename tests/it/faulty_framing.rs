//! Framings that reject packets, and framings that panic: only the packet is affected.

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use bytes::{Buf, BufMut, BytesMut};
use futures_util::{FutureExt, future::join_all, stream};
use nest_wire::{
    client::{self, CallError, Client, DisconnectReason},
    codec::ByteString,
    connection::{ConnectionError, Framing, FramingError, TransportConfig},
    server::{Payload, ReplyStream, Router},
};
use tokio::time::sleep;
use tracing::Level;

use crate::support::{Calls, Log, Peer, calls_with, converse_with};

/// One packet per line. Some words in a packet make the framing fail.
struct Lines {
    /// Whether dropping the framing panics.
    is_bomb: bool,
}

impl Framing for Lines {
    fn decode(&mut self, received: &mut BytesMut) -> Result<Option<ByteString>, FramingError> {
        let Some(end) = received.iter().position(|&byte| byte == b'\n') else {
            return Ok(None);
        };
        let line = received.split_to(end).freeze();
        received.advance(1);
        if &line[..] == b"panic" {
            panic!("a bug in `decode`");
        }
        Ok(Some(ByteString::try_from(line)?))
    }

    fn encode(&mut self, packet: &str, out: &mut BytesMut) -> Result<(), FramingError> {
        // These bytes are written before the failure is detected.
        out.put_slice(&packet.as_bytes()[..10]);
        if packet.contains("refuse") || packet.contains("Internal server error") && packet.contains("never") {
            return Err("no such packets".into());
        }
        if packet.contains("panic") {
            panic!("a bug in `encode`");
        }
        out.put_slice(&packet.as_bytes()[10..]);
        out.put_u8(b'\n');
        Ok(())
    }

    fn is_mid_frame(&self, received: &BytesMut) -> bool {
        assert!(!received.starts_with(b"half"), "a bug in `is_mid_frame`");
        !received.is_empty()
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        assert!(!self.is_bomb, "a bug in `drop`");
    }
}

fn config() -> TransportConfig {
    TransportConfig::default().framing(|| Lines { is_bomb: false })
}

fn client_of(config: TransportConfig) -> (Client, Calls) {
    calls_with(client::Client::builder().transport(config), 4096)
}

async fn line(peer: &mut Peer) -> String {
    let mut line = Vec::new();
    loop {
        match peer.take(1).await[0] {
            b'\n' => return String::from_utf8(line).expect("UTF-8"),
            byte => line.push(byte),
        }
    }
}

/// Expects a call with `text` and replies with it.
async fn echo(peer: &mut Peer, text: &str) {
    let request = line(peer).await;
    let id = request
        .strip_prefix(&format!(r#"{{"pattern":"echo","data":"{text}","id":"#))
        .unwrap_or_else(|| panic!("no call of {text}: {request}"));
    peer.send(format!("{{\"response\":\"{text}\",\"isDisposed\":true,\"id\":{id}\n"))
        .await;
}

fn assert_unframeable<T: std::fmt::Debug>(outcome: &Result<T, CallError>, reason: &str) {
    let error = outcome.as_ref().expect_err("it cannot be framed");
    assert!(
        matches!(error, CallError::Unframeable(_)) && error.is_unsent(),
        "{error:?}"
    );
    assert_eq!(error.source().expect("a cause").to_string(), reason);
}

const REFUSED: &str = "no such packets";
const PANICKED: &str = "the framing panicked: a bug in `encode`";

#[tokio::test(start_paused = true)]
async fn a_packet_that_its_framing_refuses_fails_its_own_call_and_no_other() {
    let (client, mut calls) = client_of(config());
    // All of them wait together.
    let texts = ["one", "refuse", "two", "panic", "three"];
    let sent = join_all(texts.map(|text| client.send::<String>("echo", text)));
    let emitted = join_all(["refuse", "panic"].map(|text| client.emit("log", text)));
    let script = async {
        let mut peer = calls.next().await;
        for text in ["one", "two", "three"] {
            echo(&mut peer, text).await;
        }
        peer
    };
    let (sent, emitted, mut peer) = tokio::join!(sent, emitted, script);
    for (outcome, text) in sent.into_iter().zip(texts) {
        match text {
            "refuse" => assert_unframeable(&outcome, REFUSED),
            "panic" => assert_unframeable(&outcome, PANICKED),
            text => assert_eq!(outcome.expect("an answer"), text),
        }
    }
    for (outcome, reason) in emitted.into_iter().zip([REFUSED, PANICKED]) {
        assert_unframeable(&outcome, reason);
    }
    // The connection stays open, and nothing of those packets was sent.
    let (answer, ()) = tokio::join!(client.send::<String>("echo", "four"), echo(&mut peer, "four"));
    assert_eq!(answer.expect("an answer"), "four");
    calls.expect_none().await;
}

#[tokio::test(start_paused = true)]
async fn a_large_packet_that_is_refused_leaves_nothing_either() {
    let (client, mut calls) = client_of(config());
    let large = "x".repeat(5000);
    let refused = format!("refuse{large}");
    let script = async {
        let mut peer = calls.next().await;
        echo(&mut peer, &large).await;
        peer
    };
    let (outcome, answer, _peer) = tokio::join!(
        client.send::<String>("echo", &refused),
        client.send::<String>("echo", &large),
        script
    );
    assert_unframeable(&outcome, REFUSED);
    assert!(answer.expect("an answer") == large);
}

#[tokio::test(start_paused = true)]
async fn a_framing_that_panics_on_what_it_reads_costs_the_connection_and_no_more() {
    for bytes in ["panic\n", "half"] {
        let (client, mut calls) = client_of(config());
        let script = async {
            let mut peer = calls.next().await;
            line(&mut peer).await;
            peer.send(bytes).await;
        };
        let (outcome, ()) = tokio::join!(client.send::<String>("echo", "one"), script);
        let Err(CallError::ConnectionClosed(DisconnectReason::Failed(error))) = outcome else {
            panic!("{outcome:?}")
        };
        let ConnectionError::CustomFraming { source, .. } = &*error else {
            panic!("{error:?}")
        };
        assert!(
            source.to_string().starts_with("the framing panicked: a bug in"),
            "{source}"
        );
        let script = async {
            let mut peer = calls.next().await;
            echo(&mut peer, "two").await;
            peer
        };
        let (answer, _peer) = tokio::join!(client.send::<String>("echo", "two"), script);
        assert_eq!(answer.expect("an answer"), "two");
    }
}

#[tokio::test(start_paused = true)]
async fn a_framing_that_cannot_be_made_fails_the_calls_that_wait_for_it() {
    let made: fn() -> Lines = || panic!("no key");
    let (client, _calls) = client_of(TransportConfig::default().framing(made));
    for _ in 0..2 {
        assert_unframeable(
            &client.send::<String>("echo", "one").await,
            "the framing could not be made",
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_framing_that_panics_when_it_is_dropped_does_no_harm() {
    let (client, mut calls) = client_of(TransportConfig::default().framing(|| Lines { is_bomb: true }));
    for text in ["one", "two"] {
        let script = async {
            let mut peer = calls.next().await;
            echo(&mut peer, text).await;
        };
        let (answer, ()) = tokio::join!(client.send::<String>("echo", text), script);
        assert_eq!(answer.expect("an answer"), text);
    }
    client.close().await;
}

fn router() -> Router {
    Router::new()
        .message("echo", async |Payload(text): Payload<String>| text)
        .message("values", async |Payload(texts): Payload<Vec<String>>| {
            ReplyStream::new(futures_util::stream::iter(texts))
        })
}

fn request(pattern: &str, data: &str, id: &str) -> String {
    format!("{{\"pattern\":\"{pattern}\",\"data\":{data},\"id\":\"{id}\"}}\n")
}

fn internal(id: &str) -> String {
    format!(
        "{{\"err\":{{\"status\":\"error\",\"message\":\"Internal server error\"}},\"isDisposed\":true,\"id\":\"{id}\"}}\n"
    )
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_its_framing_refuses_becomes_an_error_of_that_call() {
    let log = Log::of(Level::WARN);
    converse_with(&config(), router(), async |mut peer| {
        for text in ["refuse", "panic"] {
            peer.send(request("echo", &format!("\"{text}\""), "a")).await;
            peer.expect(internal("a")).await;
            peer.send(request("echo", "\"one\"", "b")).await;
            peer.expect("{\"response\":\"one\",\"isDisposed\":true,\"id\":\"b\"}\n")
                .await;
            // The failure is logged once a second.
            sleep(Duration::from_secs(2)).await;
        }
        peer.half_close().await;
        peer.expect_end().await;
    })
    .await
    .expect("a clean end");
    let text = log.text();
    for reason in [REFUSED, PANICKED] {
        let is_it = |line: &&str| line.contains("WARN") && line.contains("cannot be framed") && line.contains(reason);
        assert_eq!(text.lines().filter(is_it).count(), 1, "{reason}: {text}");
    }
}

/// Returns a value, and then endless values that are rejected, the first of them after this number
/// of seconds.
fn endless(pause: u64, polled: Arc<AtomicUsize>) -> ReplyStream {
    ReplyStream::new(stream::unfold(0, move |number| {
        polled.fetch_add(1, SeqCst);
        let pause = if number == 1 { pause } else { 0 };
        let value = if number == 0 { "one" } else { "refuse" };
        sleep(Duration::from_secs(pause)).map(move |()| Some((value, number + 1)))
    }))
}

#[tokio::test(start_paused = true)]
async fn a_stream_whose_value_is_refused_has_ended() {
    for pause in [0, 1] {
        let polled = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&polled);
        let router = router().message("endless", move |Payload(pause): Payload<u64>| {
            std::future::ready(endless(pause, Arc::clone(&count)))
        });
        converse_with(&config(), router, async |mut peer| {
            peer.send(request("endless", &pause.to_string(), "a")).await;
            peer.expect("{\"response\":\"one\",\"id\":\"a\"}\n").await;
            peer.expect(internal("a")).await;
            sleep(Duration::from_secs(60)).await;
            // One value is held back until it is known whether it is the last.
            assert!(polled.load(SeqCst) <= 3, "it was polled {} times", polled.load(SeqCst));
            peer.send(request("echo", "\"two\"", "b")).await;
            peer.expect("{\"response\":\"two\",\"isDisposed\":true,\"id\":\"b\"}\n")
                .await;
        })
        .await
        .expect("a clean end");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_cannot_even_be_refused_cuts_the_connection_and_leaves_nothing_of_it() {
    let config = config();
    let ended = converse_with(&config, router(), async |mut peer| {
        peer.send([request("echo", "\"one\"", "a"), request("echo", "\"refuse\"", "never")].concat())
            .await;
        peer.expect("{\"response\":\"one\",\"isDisposed\":true,\"id\":\"a\"}\n")
            .await;
        peer.expect_end().await;
    });
    let error = ended.await.expect_err("it cannot be framed");
    assert!(matches!(error, ConnectionError::Encode(_)), "{error:?}");
    assert_eq!(error.to_string(), "a packet cannot be framed");
}

#[tokio::test(start_paused = true)]
async fn a_service_survives_a_framing_that_panics_on_what_it_reads() {
    converse_with(&config(), router(), async |mut peer| {
        peer.send(request("echo", "\"one\"", "a")).await;
        peer.expect("{\"response\":\"one\",\"isDisposed\":true,\"id\":\"a\"}\n")
            .await;
        peer.send("panic\n").await;
        peer.expect_end().await;
    })
    .await
    .expect("its own side is closed, as for a peer that breaks the framing");
    let config = config();
    let ended = converse_with(&config, router(), async |mut peer| {
        peer.send("half").await;
        peer.expect_end().await;
    });
    let error = ended.await.expect_err("nobody knows what was half there");
    assert!(matches!(error, ConnectionError::CustomFraming { .. }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_service_closes_a_connection_whose_framing_cannot_be_made() {
    let made: fn() -> Lines = || panic!("no key");
    let config = TransportConfig::default().framing(made);
    let ended = converse_with(&config, router(), async |mut peer| {
        peer.expect_end().await;
    });
    let error = tokio::time::timeout(Duration::from_secs(3600), ended).await;
    let error = error.expect("it does not hang").expect_err("there is no framing");
    assert!(matches!(error, ConnectionError::Encode(_)), "{error:?}");
}
