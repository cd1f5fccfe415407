//! Peers that begin a frame and do not finish it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use nest_wire::{
    connection::{ConnectionError, TransportConfig},
    packet::RawJson,
    server::{Router, State},
};
use tokio::time::{Instant, sleep};

use crate::support::{Peer, converse, converse_over, converse_with};

const HALF: &str = r#"34#{"pattern":"ping","#;
const REST: &str = r#""data":0,"id":1}"#;
const PONG: &str = r#"44#{"response":"pong","isDisposed":true,"id":1}"#;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn ping() -> Router {
    Router::new().message("ping", async || "pong")
}

fn assert_cut_after(timeout: Duration, ended: Result<(), ConnectionError>) {
    let error = ended.expect_err("it was cut");
    assert!(
        matches!(error, ConnectionError::IncompleteMessage(after) if after == timeout),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn half_a_frame_is_waited_for_thirty_seconds() {
    for half in ["3", HALF, "1#", "求"] {
        let ended = converse(ping(), async |mut peer| {
            let start = Instant::now();
            peer.send(half).await;
            peer.expect_end().await;
            assert!((seconds(30)..seconds(31)).contains(&start.elapsed()));
        });
        assert_cut_after(seconds(30), ended.await);
    }
}

#[tokio::test(start_paused = true)]
async fn each_byte_starts_the_time_anew() {
    converse(ping(), async |mut peer| {
        for byte in HALF.bytes() {
            peer.send([byte]).await;
            peer.expect_silence_of(seconds(29)).await;
        }
        peer.send(REST).await;
        peer.expect(PONG).await;
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_left_alone() {
    converse(ping(), async |mut peer| {
        peer.expect_silence_of(seconds(3600)).await;
        peer.send(HALF).await;
        peer.expect_silence_of(seconds(29)).await;
        peer.send(REST).await;
        peer.expect(PONG).await;
        peer.expect_silence_of(seconds(3600)).await;
        peer.send(format!("{HALF}{REST}")).await;
        peer.expect(PONG).await;
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn a_newline_after_a_frame_is_the_start_of_another() {
    let ended = converse(ping(), async |mut peer| {
        peer.send(format!("{HALF}{REST}\n")).await;
        peer.expect(PONG).await;
        peer.expect_silence_of(seconds(29)).await;
        peer.expect_end().await;
    });
    assert_cut_after(seconds(30), ended.await);
}

#[tokio::test(start_paused = true)]
async fn the_time_can_be_set() {
    let config = TransportConfig::default().incomplete_message_timeout(Some(seconds(2)));
    let ended = converse_with(&config, ping(), async |mut peer| {
        peer.send(HALF).await;
        peer.expect_silence_of(seconds(1)).await;
        peer.expect_end().await;
    });
    assert_cut_after(seconds(2), ended.await);
    for patience in [None, Some(Duration::MAX)] {
        let config = TransportConfig::default().incomplete_message_timeout(patience);
        let script = async |mut peer: Peer| {
            peer.send(HALF).await;
            peer.expect_silence_of(seconds(24 * 3600)).await;
            peer.send("\"data\":0,").await;
            peer.expect_silence_of(seconds(24 * 3600)).await;
            peer.send("\"id\":1}").await;
            peer.expect(PONG).await;
        };
        converse_with(&config, ping(), script).await.expect("served");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_cut_at_once_and_its_handlers_still_finish() {
    let finished = Arc::new(AtomicU32::new(0));
    let router = Router::new()
        .message("slow", async |State(finished): State<Arc<AtomicU32>>| {
            sleep(seconds(100)).await;
            finished.fetch_add(1, SeqCst);
        })
        .with_state(Arc::clone(&finished));
    let ended = converse(router, async |mut peer| {
        let start = Instant::now();
        peer.send(r#"34#{"pattern":"slow","data":0,"id":1}7#"#).await;
        peer.expect_end().await;
        assert!(start.elapsed() < seconds(31));
        assert_eq!(finished.load(SeqCst), 0);
    });
    assert_cut_after(seconds(30), ended.await);
    assert_eq!(finished.load(SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_frame_finished_while_its_peer_was_not_read_is_in_time() {
    let router = ping().message("echo", async |data: RawJson| data);
    let script = async |mut peer: Peer| {
        let text = "x".repeat(100 * 1024);
        peer.say(&format!(r#"{{"pattern":"echo","data":"{text}","id":2}}"#))
            .await;
        peer.send(HALF).await;
        sleep(seconds(100)).await;
        peer.send(REST).await;
        peer.hear(&format!(r#"{{"response":"{text}","isDisposed":true,"id":2}}"#))
            .await;
        peer.expect(PONG).await;
    };
    converse_over(1024, &TransportConfig::default(), router, script)
        .await
        .expect("served");
}
