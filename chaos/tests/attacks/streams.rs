//! Streams whose callers vanish.

use std::time::Duration;

use nest_wire_chaos::process;
use socket2::SockRef;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::target::{MEGABYTE, Target, request};

/// How many callers vanish.
const CALLERS: usize = 20;

/// Begins an endless stream and reads its first bytes.
async fn begun(target: &Target, pause: u64) -> TcpStream {
    let mut stream = target.connect().await;
    let data = format!(r#"{{"n":1,"count":1000000000000,"ms":{pause}}}"#);
    stream
        .write_all(&request("\"values\"", &data, 1))
        .await
        .expect("it reads");
    stream.read_u8().await.expect("a value");
    stream
}

async fn streams(target: &Target, pause: u64) -> Vec<TcpStream> {
    let mut streams = Vec::new();
    for _ in 0..CALLERS {
        streams.push(begun(target, pause).await);
    }
    streams
}

/// One stream always has more values, the other one mostly waits.
const PAUSES: [u64; 2] = [0, 20];

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_when_its_caller_half_closes() {
    for pause in PAUSES {
        let target = Target::start(&[]).await;
        let attack = async {
            let mut streams = streams(&target, pause).await;
            for stream in &mut streams {
                stream.shutdown().await.expect("it is open");
                // The caller reads everything, so only the end of its own side shows that it has
                // left.
                let (mut buffer, mut more) = (vec![0; 1 << 16], 1);
                while more > 0 {
                    more = stream.read(&mut buffer).await.unwrap_or(0);
                }
            }
        };
        let ((), cost) = target.during(attack).await;
        assert!(cost.memory < 64 * MEGABYTE, "{cost:?}");
        target.lets_go().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_when_its_caller_resets() {
    for pause in PAUSES {
        let target = Target::start(&[]).await;
        let attack = async {
            for stream in streams(&target, pause).await {
                SockRef::from(&stream)
                    .set_linger(Some(Duration::ZERO))
                    .expect("a socket");
            }
        };
        let ((), cost) = target.during(attack).await;
        assert!(cost.memory < 64 * MEGABYTE, "{cost:?}");
        target.lets_go().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_when_its_caller_takes_nothing_for_too_long() {
    let target = Target::start(&["--idle-ms", "1500"]).await;
    let (streams, cost) = target.during(streams(&target, 0)).await;
    assert!(cost.memory < 64 * MEGABYTE, "{cost:?}");
    target.lets_go().await;
    drop(streams);
    assert!(process::memory(target.process()).is_ok(), "it lives");
}
