//! Attacks with bytes that are not whole packets, or with replies that the attacker does not read.

use std::time::Duration;

use futures_util::future::join_all;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::target::{MEGABYTE, Target, request};

/// Reads until the service has ended the connection, in order or with an error.
async fn ended(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_of_ten_to_the_fifteen_reserves_nothing_and_its_connection_ends() {
    // Like Nest, we wait for the rest of such a frame as long as for any other.
    let target = Target::start(&["--incomplete-ms", "1000"]).await;
    let attack = async {
        let mut streams = Vec::new();
        for _ in 0..100 {
            let mut stream = target.connect().await;
            stream
                .write_all(b"1000000000000000#{\"pattern\":")
                .await
                .expect("it reads");
            streams.push(stream);
        }
        join_all(streams.iter_mut().map(ended)).await;
    };
    let ((), cost) = target.during(attack).await;
    assert!(
        cost.memory < 8 * MEGABYTE && cost.cpu < Duration::from_secs(5),
        "{cost:?}"
    );
    target.lets_go().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_within_the_limit_reserves_nothing_before_its_bytes_come() {
    let target = Target::start(&[]).await;
    let attack = async {
        let mut streams = Vec::new();
        for _ in 0..100 {
            let mut stream = target.connect().await;
            stream.write_all(b"134000000#\"").await.expect("it reads");
            streams.push(stream);
        }
        streams
    };
    let (_streams, cost) = target.during(attack).await;
    assert!(cost.memory < 16 * MEGABYTE, "{cost:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_bytes_cost_little_and_silence_within_a_frame_ends_the_connection() {
    let target = Target::start(&["--incomplete-ms", "1000"]).await;
    let packet = request("\"ask\"", r#"{"n":1,"pad":"xxxxxxxxxxxxxxxxxxxxxxxxxxx"}"#, 1);
    let attack = async {
        let mut streams = Vec::new();
        for _ in 0..200 {
            streams.push(target.connect().await);
        }
        // The last byte is never sent.
        for byte in &packet[..packet.len() - 1] {
            for stream in &mut streams {
                let _ = stream.write_all(std::slice::from_ref(byte)).await;
            }
        }
        join_all(streams.iter_mut().map(ended)).await;
    };
    let ((), cost) = target.during(attack).await;
    assert!(
        cost.memory < 16 * MEGABYTE && cost.cpu < Duration::from_secs(10),
        "{cost:?}"
    );
    target.lets_go().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_half_frames_take_little_memory_and_are_ended() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).expect("it may be raised");
    let count = usize::try_from(hard)
        .unwrap_or(usize::MAX)
        .saturating_sub(500)
        .min(10_000);
    let target = Target::start(&["--incomplete-ms", "3000"]).await;
    let attack = async {
        let mut streams = Vec::new();
        for _ in 0..count {
            let mut stream = target.connect().await;
            stream
                .write_all(b"100#{\"pattern\":\"ask\",\"data\":")
                .await
                .expect("it reads");
            streams.push(stream);
        }
        streams
    };
    let (streams, cost) = target.during(attack).await;
    assert!(cost.memory < 100 * MEGABYTE, "{count} connections: {cost:?}");
    // All connections end by themselves.
    target.lets_go().await;
    drop(streams);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_never_reads_is_not_read_and_is_cut_when_it_is_idle() {
    let target = Target::start(&["--idle-ms", "2000"]).await;
    let text = format!("\"{}\"", "x".repeat(100_000));
    let attack = async {
        let mut stream = target.connect().await;
        let packet = request("\"echo\"", &text, 1);
        let mut written = 0_u64;
        // Write until the service stops reading. Its replies then wait in the system and in the
        // service.
        while let Ok(Ok(())) = timeout(Duration::from_secs(1), stream.write_all(&packet)).await {
            written += packet.len() as u64;
            assert!(written < 1000 * MEGABYTE, "it reads without end");
        }
        stream
    };
    let (stream, cost) = target.during(attack).await;
    assert!(cost.memory < 64 * MEGABYTE, "{cost:?}");
    target.lets_go().await;
    drop(stream);
}
