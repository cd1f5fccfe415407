//! Limits on the idle time and the age of a connection.

use std::time::Duration;

use futures_util::stream;
use nest_wire::{
    packet::RawJson,
    server::{Limits, ReplyStream, Router, serve_connection},
};
use tokio::{
    io::duplex,
    time::{Instant, sleep},
};

use crate::support::Peer;

const PING: &str = r#"{"pattern":"ping","data":0,"id":1}"#;
const PONG: &str = r#"{"response":"pong","isDisposed":true,"id":1}"#;
const SLOW: &str = r#"{"pattern":"slow","data":0,"id":2}"#;
const SLOWED: &str = r#"{"response":"slow","isDisposed":true,"id":2}"#;

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Duration of `slow` and of `slow-event`.
const WORK: Duration = seconds(100);

fn router() -> Router {
    Router::new()
        .message("ping", async || "pong")
        .message("echo", async |data: RawJson| data)
        .message("slow", async || {
            sleep(WORK).await;
            "slow"
        })
        .event("slow-event", async || sleep(WORK).await)
        .message("endless", async || ReplyStream::new(stream::pending::<u8>()))
        .message("flood", async || ReplyStream::new(stream::repeat("x".repeat(1000))))
}

/// Returns how long the connection lasted, with its peer at the other end of 4 KiB.
async fn lasts(limits: Limits, script: impl AsyncFnOnce(&mut Peer)) -> Duration {
    let (theirs, ours) = duplex(4096);
    let start = Instant::now();
    let served = tokio::spawn(async move {
        let served = serve_connection(ours, router().into_routes()).limits(limits).await;
        (served, start.elapsed())
    });
    let mut peer = Peer::new(theirs);
    script(&mut peer).await;
    let (served, lasted) = served.await.expect("no panic");
    served.expect("served");
    lasted
}

fn is_about(lasted: Duration, expected: Duration) {
    // The peer may have had another second to close.
    let latest = expected + seconds(1) + Duration::from_millis(100);
    assert!((expected..=latest).contains(&lasted), "{lasted:?}, not {expected:?}");
}

/// Checks a maximum age, which varies by a tenth in either direction.
fn is_old(lasted: Duration, age: Duration) {
    let range = age.mul_f64(0.9)..=age.mul_f64(1.1) + seconds(2);
    assert!(range.contains(&lasted), "{lasted:?}, not about {age:?}");
}

fn idle() -> Limits {
    Limits::default().idle_timeout(seconds(60))
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_and_one_that_is_not_is_left_alone() {
    let lasted = lasts(idle(), async |peer| {
        for _ in 0..10 {
            peer.expect_silence_of(seconds(59)).await;
            peer.say(PING).await;
            peer.hear(PONG).await;
        }
        peer.expect_silence_of(seconds(59)).await;
        peer.expect_end().await;
    });
    is_about(lasted.await, seconds(59 * 10 + 60));
}

#[tokio::test(start_paused = true)]
async fn a_connection_with_something_in_flight_is_not_idle_and_its_time_begins_when_that_ends() {
    for (request, answer) in [(SLOW, Some(SLOWED)), (r#"{"pattern":"slow-event","data":0}"#, None)] {
        let lasted = lasts(idle(), async |peer| {
            peer.say(request).await;
            if let Some(answer) = answer {
                peer.hear(answer).await;
            }
            peer.expect_end().await;
        });
        is_about(lasted.await, WORK + seconds(60));
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_vanishes_without_a_word_is_closed_whatever_it_had_asked_for() {
    for request in [None, Some(PING), Some(r#"{"pattern":"flood","data":0,"id":1}"#)] {
        let lasted = lasts(idle(), async |peer| {
            if let Some(request) = request {
                peer.say(request).await;
            }
            // The peer neither reads nor writes nor closes.
            sleep(seconds(1000)).await;
        });
        is_about(lasted.await, seconds(60));
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_its_answer_slowly_is_not_idle() {
    const SIZE: usize = 20_000;
    let text = "x".repeat(SIZE);
    let lasted = lasts(idle(), async |peer| {
        peer.say(&format!(r#"{{"pattern":"echo","data":"{text}","id":1}}"#))
            .await;
        let answer = crate::support::frame(&format!(r#"{{"response":"{text}","isDisposed":true,"id":1}}"#));
        for part in answer.as_bytes().chunks(1000) {
            sleep(seconds(50)).await;
            peer.expect(part).await;
        }
        peer.expect_end().await;
    });
    let lasted = lasted.await;
    assert!(lasted > seconds(50 * 15), "{lasted:?}");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_broke_the_framing_and_does_not_close_is_cut() {
    let lasted = lasts(idle(), async |peer| {
        peer.send("x#{}").await;
        peer.expect_end().await;
        sleep(seconds(1000)).await;
    });
    is_about(lasted.await, seconds(60));
}

#[tokio::test(start_paused = true)]
async fn an_old_connection_goes_on_answering_and_closes_when_nothing_is_in_flight() {
    let limits = Limits::default().max_age(seconds(60)).max_age_grace(Duration::MAX);
    let lasted = lasts(limits.clone(), async |peer| {
        peer.expect_silence_of(seconds(53)).await;
        peer.say(SLOW).await;
        for _ in 0..99 {
            sleep(seconds(1)).await;
            peer.say(PING).await;
            peer.hear(PONG).await;
        }
        peer.hear(SLOWED).await;
        peer.expect_end().await;
    });
    is_about(lasted.await, seconds(53) + WORK);
    let busy = lasts(limits, async |peer| {
        for _ in 0..53 {
            peer.say(PING).await;
            peer.hear(PONG).await;
            sleep(seconds(1)).await;
        }
        peer.expect_end().await;
    });
    is_old(busy.await, seconds(60));
}

#[tokio::test(start_paused = true)]
async fn an_old_connection_with_a_stream_that_does_not_end_is_closed_after_its_grace() {
    let limits = Limits::default().max_age(seconds(60)).max_age_grace(seconds(40));
    let lasted = lasts(limits, async |peer| {
        peer.say(r#"{"pattern":"endless","data":0,"id":3}"#).await;
        for _ in 0..90 {
            peer.say(PING).await;
            peer.hear(PONG).await;
            sleep(seconds(1)).await;
        }
        peer.expect_end().await;
    });
    is_old(lasted.await, seconds(60) + seconds(40));
}

#[tokio::test(start_paused = true)]
async fn connections_that_came_together_do_not_all_age_together() {
    let mut ages = Vec::new();
    for _ in 0..20 {
        let limits = Limits::default().max_age(seconds(60));
        ages.push(lasts(limits, async |peer| peer.expect_end().await).await);
    }
    ages.iter().for_each(|age| is_old(*age, seconds(60)));
    let spread = *ages.iter().max().expect("twenty") - *ages.iter().min().expect("twenty");
    assert!(spread > seconds(1), "{ages:?}");
}

#[tokio::test(start_paused = true)]
async fn an_idle_timeout_of_zero_closes_what_is_idle_and_does_not_spin_while_a_handler_works() {
    let lasted = lasts(Limits::default().idle_timeout(Duration::ZERO), async |peer| {
        peer.say(SLOW).await;
        peer.hear(SLOWED).await;
        peer.expect_end().await;
    });
    is_about(lasted.await, WORK);
}

#[tokio::test(start_paused = true)]
async fn both_may_be_set_and_times_without_end_are_no_limit() {
    let both = idle().max_age(seconds(100));
    let lasted = lasts(both, async |peer| {
        sleep(seconds(50)).await;
        peer.say(PING).await;
        peer.hear(PONG).await;
        peer.expect_end().await;
    });
    is_old(lasted.await, seconds(100));
    let endless = Limits::default().idle_timeout(Duration::MAX).max_age(Duration::MAX);
    let lasted = lasts(endless, async |peer| {
        peer.expect_silence_of(seconds(10_000)).await;
        peer.half_close().await;
    });
    is_about(lasted.await, seconds(10_000));
}
