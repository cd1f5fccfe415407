//! Custom framings and packets on either side.

use std::time::Duration;

use bytes::{Buf, BufMut, BytesMut};
use nest_wire::{
    client,
    codec::{ByteString, FrameDecoder, encode},
    connection::{ConnectionError, Framing, FramingError, TransportConfig},
    server::{Payload, Router},
};
use tokio::time::Instant;

use crate::support::{calls_with, converse_over, converse_with};

/// A packet behind its length in bytes, which is one byte.
struct Short;

impl Framing for Short {
    fn decode(&mut self, received: &mut BytesMut) -> Result<Option<ByteString>, FramingError> {
        let Some(&length) = received.first() else {
            return Ok(None);
        };
        if length == 0 {
            return Err("a packet of no length".into());
        }
        let end = 1 + usize::from(length);
        if received.len() < end {
            return Ok(None);
        }
        received.advance(1);
        Ok(Some(received.split_to(end - 1).freeze().try_into()?))
    }

    fn encode(&mut self, packet: &str, out: &mut BytesMut) -> Result<(), FramingError> {
        out.put_u8(u8::try_from(packet.len())?);
        out.put_slice(packet.as_bytes());
        Ok(())
    }
}

fn short(text: &str) -> Vec<u8> {
    let mut framed = vec![u8::try_from(text.len()).expect("short")];
    framed.extend_from_slice(text.as_bytes());
    framed
}

/// Nest's own frames, in which `pattern` is called `topic` and packets are numbered.
#[derive(Default)]
struct Topics {
    frames: FrameDecoder,
    sent: usize,
}

impl Framing for Topics {
    fn decode(&mut self, received: &mut BytesMut) -> Result<Option<ByteString>, FramingError> {
        let text = self.frames.decode(received)?;
        Ok(text.map(|text| text.replace(r#""topic":"#, r#""pattern":"#).into()))
    }

    fn encode(&mut self, packet: &str, out: &mut BytesMut) -> Result<(), FramingError> {
        self.sent += 1;
        let members = packet.strip_prefix('{').ok_or("packets are objects")?;
        encode(&format!(r#"{{"number":{},{members}"#, self.sent), out);
        Ok(())
    }

    fn is_mid_frame(&self, _: &BytesMut) -> bool {
        self.frames.is_mid_frame()
    }
}

fn router() -> Router {
    Router::new()
        .message("ping", async || "pong")
        .message("repeat", async |Payload(count): Payload<usize>| "x".repeat(count))
}

const PING: &str = r#"{"pattern":"ping","data":0,"id":1}"#;
const PONG: &str = r#"{"response":"pong","isDisposed":true,"id":1}"#;

fn config() -> TransportConfig {
    TransportConfig::default().framing(|| Short)
}

#[tokio::test(start_paused = true)]
async fn a_service_speaks_the_framing_it_was_given_however_the_stream_is_cut() {
    let two = [short(PING), short(PING)].concat();
    for cut in 0..=two.len() {
        converse_with(&config(), router(), async |mut peer| {
            peer.send(&two[..cut]).await;
            tokio::task::yield_now().await;
            peer.send(&two[cut..]).await;
            peer.expect([short(PONG), short(PONG)].concat()).await;
            peer.half_close().await;
            peer.expect_end().await;
        })
        .await
        .expect("a clean end");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_peer_takes_it_byte_by_byte() {
    converse_over(1, &config(), router(), async |mut peer| {
        peer.send(short(PING)).await;
        peer.expect(short(PONG)).await;
    })
    .await
    .expect("a clean end");
}

#[tokio::test(start_paused = true)]
async fn a_client_speaks_the_framing_it_was_given() {
    let config = client::Client::builder().transport(config());
    let (client, mut calls) = calls_with(config, 1024);
    let service = async {
        let mut peer = calls.next().await;
        let length = usize::from(peer.take(1).await[0]);
        let request = String::from_utf8(peer.take(length).await).expect("UTF-8");
        let id = request
            .strip_prefix(r#"{"pattern":"ping","data":0,"id":"#)
            .expect("a request");
        peer.send(short(&format!(r#"{{"response":"pong","isDisposed":true,"id":{id}"#)))
            .await;
        peer
    };
    let (answer, _peer) = tokio::join!(client.send::<String>("ping", &0), service);
    assert_eq!(answer.expect("an answer"), "pong");
}

#[tokio::test(start_paused = true)]
async fn packets_of_another_shape_go_in_frames_as_ever_and_each_link_has_its_own_state() {
    let config = TransportConfig::default().framing(Topics::default);
    for _ in 0..2 {
        converse_with(&config, router(), async |mut peer| {
            for number in 1..=3 {
                peer.say(r#"{"topic":"ping","data":0,"id":1}"#).await;
                let reply = format!(r#"{{"number":{number},"response":"pong","isDisposed":true,"id":1}}"#);
                peer.hear(&reply).await;
            }
        })
        .await
        .expect("a clean end");
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_says_at_which_byte_the_packet_began_and_nothing_after_it_is_looked_at() {
    use tokio::io::{AsyncWriteExt, duplex};
    let (mut peer, ours) = duplex(1024);
    let mut connection = nest_wire::connection::Connection::new(ours, &config());
    let read = nest_wire::packet::IncomingRequest::read;
    let good = short(PING);
    peer.write_all(&[&good[..], &good, &[0], &good].concat())
        .await
        .expect("open");
    for _ in 0..2 {
        connection.next(read).await.expect("a packet").expect("no end");
    }
    let error = connection.next(read).await.expect_err("no length");
    let ConnectionError::CustomFraming { offset, source } = &error else {
        panic!("{error:?}")
    };
    assert_eq!((*offset, source.to_string().as_str()), (70, "a packet of no length"));
    let message = "the peer broke the framing, in the packet at byte 70 of what it sent";
    assert_eq!(error.to_string(), message);
    peer.write_all(&good).await.expect("open");
    drop(peer);
    assert!(connection.next(read).await.expect("a clean end").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_service_closes_its_side_on_a_peer_that_breaks_the_framing() {
    converse_with(&config(), router(), async |mut peer| {
        peer.send(short(PING)).await;
        peer.expect(short(PONG)).await;
        peer.send([0]).await;
        peer.expect_end().await;
    })
    .await
    .expect("the peer closes too");
}

#[tokio::test(start_paused = true)]
async fn the_limits_hold_for_packets_of_any_framing() {
    let error = {
        use tokio::io::{AsyncWriteExt, duplex};
        let (mut peer, ours) = duplex(1024);
        let mut connection = nest_wire::connection::Connection::new(ours, &config().max_buffer_size(20));
        peer.write_all(&short(PING)[..25]).await.expect("open");
        let next = connection.next(nest_wire::packet::IncomingRequest::read).await;
        next.expect_err("too large")
    };
    let ConnectionError::CustomFraming { source, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(source.to_string(), "25 bytes are buffered where 20 are allowed");

    let timeout = Duration::from_secs(5);
    for (config, half) in [
        (config(), &short(PING)[..9]),
        (TransportConfig::default().framing(Topics::default), b"9#"),
    ] {
        let config = config.incomplete_message_timeout(Some(timeout));
        let start = Instant::now();
        let ended = converse_with(&config, router(), async |mut peer| {
            peer.send(half).await;
            peer.expect_end().await;
        });
        let error = ended.await.expect_err("half a packet");
        assert!(matches!(error, ConnectionError::IncompleteMessage(_)), "{error:?}");
        assert!((timeout..timeout * 2).contains(&start.elapsed()));
    }
}
