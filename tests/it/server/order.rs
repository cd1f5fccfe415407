//! The order in which handlers run, which tokio's budget does not change.

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use nest_wire::{
    Compat,
    server::{Payload, ReplyStream, Router, State, serve_connection},
};
use tokio::{
    io::duplex,
    sync::{Mutex, mpsc},
};

use crate::support::{Peer, converse, frame};

/// More than tokio's budget of one poll.
const COUNT: u32 = 2000;

/// Returns the numbers that `router`'s handlers send when the events of `pattern` arrive in one
/// write.
async fn order_of(router: impl FnOnce(mpsc::UnboundedSender<u32>) -> Router) -> Vec<u32> {
    let (sender, mut numbers) = mpsc::unbounded_channel();
    let events = (0..COUNT).map(|number| frame(&format!(r#"{{"pattern":"e","data":{number}}}"#)));
    let all: String = events.collect();
    converse(router(sender), async move |mut peer: Peer| {
        peer.send(all).await;
        peer.expect_silence().await;
    })
    .await
    .expect("served");
    let mut order = Vec::new();
    while let Ok(number) = numbers.try_recv() {
        order.push(number);
    }
    order
}

fn in_order() -> Vec<u32> {
    (0..COUNT).collect()
}

#[tokio::test(start_paused = true)]
async fn handlers_that_take_a_free_lock_run_in_the_order_of_their_packets() {
    let order = order_of(|sender| {
        let lock = Arc::new(Mutex::new(()));
        let handler = async move |Payload(number): Payload<u32>| {
            for _ in 0..3 {
                drop(lock.lock().await);
            }
            sender.send(number).expect("the test goes on");
        };
        Router::new().event("e", handler)
    });
    assert!(order.await == in_order());
}

#[tokio::test(start_paused = true)]
async fn handlers_that_send_into_a_channel_with_room_run_in_the_order_of_their_packets() {
    let order = order_of(|sender| {
        let (forward, mut forwarded) = mpsc::channel::<u32>(COUNT as usize);
        tokio::spawn(async move {
            while let Some(number) = forwarded.recv().await {
                sender.send(number).expect("the test goes on");
            }
        });
        let handler = async |State(forward): State<mpsc::Sender<u32>>, Payload(number): Payload<u32>| {
            forward.send(number).await.expect("it is received");
        };
        Router::new().event("e", handler).with_state(forward)
    });
    assert!(order.await == in_order());
}

#[tokio::test(start_paused = true)]
async fn several_handlers_of_one_event_run_in_the_order_of_their_packets_in_every_major() {
    for compat in [Compat::Nest8, Compat::Nest12] {
        let order = order_of(|sender| {
            let lock = Arc::new(Mutex::new(()));
            let handler = async move |Payload(number): Payload<u32>| {
                drop(lock.lock().await);
                sender.send(number).expect("the test goes on");
            };
            Router::new()
                .compat(compat)
                .event("e", handler.clone())
                .event("e", handler)
        });
        let mut order = order.await;
        order.dedup();
        assert!(order == in_order(), "{compat}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_never_waits_does_not_keep_its_connection_for_ever() {
    let lock = Arc::new(Mutex::new(()));
    let forever = async move || {
        while Arc::strong_count(&lock) > 0 {
            drop(lock.lock().await);
        }
    };
    let router = Router::new().event("forever", forever).message("ping", async || "pong");
    let (theirs, ours) = duplex(4096);
    let served = tokio::spawn(serve_connection(ours, router).into_future());
    let mut peer = Peer::new(theirs);
    peer.say(r#"{"pattern":"forever","data":0}"#).await;
    peer.say(r#"{"pattern":"ping","data":0,"id":1}"#).await;
    peer.hear(r#"{"response":"pong","isDisposed":true,"id":1}"#).await;
    served.abort();
}

#[tokio::test(start_paused = true)]
async fn the_last_value_of_a_stream_that_never_waits_carries_the_end() {
    let router = Router::new().message("s", async || {
        let lock = Arc::new(Mutex::new(()));
        let values = stream::iter(0..COUNT).then(move |number| {
            let lock = Arc::clone(&lock);
            async move {
                drop(lock.lock().await);
                number
            }
        });
        ReplyStream::new(values)
    });
    converse(router, async |mut peer| {
        peer.say(r#"{"pattern":"s","data":0,"id":1}"#).await;
        for number in 0..COUNT - 1 {
            peer.hear(&format!(r#"{{"response":{number},"id":1}}"#)).await;
        }
        let last = COUNT - 1;
        peer.hear(&format!(r#"{{"response":{last},"isDisposed":true,"id":1}}"#))
            .await;
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn a_bad_frame_takes_back_the_replies_of_its_segment_though_the_budget_was_used_up_before_it() {
    let lock = Arc::new(Mutex::new(()));
    let router = Router::new().message("locked", async move || drop(lock.lock().await));
    converse(router, async |mut peer| {
        let request = frame(r#"{"pattern":"locked","data":0,"id":1}"#);
        peer.send(request.repeat(500) + "x#").await;
        peer.expect_end().await;
    })
    .await
    .expect("served");
}
