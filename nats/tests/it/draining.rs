//! A service that stops loses nothing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use futures_util::{StreamExt, stream};
use nest_wire::server::{Payload, Router};
use nest_wire_nats::ShutdownOutcome;
use tokio::sync::Notify;

use crate::support::Nats;

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_calls_lose_nothing_while_one_of_two_stops() {
    let nats = Nats::start().await;
    let router = || {
        Router::new().message("echo", async |Payload(number): Payload<u32>| {
            tokio::task::yield_now().await;
            number
        })
    };
    let first = nats.serve_as(router(), |serve| serve.queue("q")).await;
    let _second = nats.serve_as(router(), |serve| serve.queue("q")).await;
    let client = nats.client().await;
    let done = Arc::new(AtomicU32::new(0));
    let calls = stream::iter(0..10_000_u32).map(|number| {
        let (client, done) = (client.clone(), Arc::clone(&done));
        async move {
            let answer: u32 = client.send("echo", &number).await.expect("an answer");
            assert_eq!(answer, number);
            done.fetch_add(1, Relaxed);
        }
    });
    let calls = calls.buffer_unordered(64).for_each(|()| {
        if done.load(Relaxed) == 3_000 {
            first.stop();
        }
        async {}
    });
    calls.await;
    let outcome = first.ended().await.expect("it ends well");
    assert_eq!(outcome, ShutdownOutcome::Drained);
    assert_eq!(done.load(Relaxed), 10_000);
}

#[tokio::test]
async fn what_is_in_flight_is_answered_before_the_end() {
    let nats = Nats::start().await;
    let (entered, may_end) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let slow = {
        let (entered, may_end) = (Arc::clone(&entered), Arc::clone(&may_end));
        async move || {
            entered.notify_one();
            may_end.notified().await;
            "done"
        }
    };
    let service = nats.serve(Router::new().message("slow", slow)).await;
    let client = nats.client().await;
    let call = tokio::spawn(async move { client.send::<String>("slow", &0).await });
    entered.notified().await;
    service.stop();
    may_end.notify_one();
    assert_eq!(call.await.expect("no panic").expect("an answer"), "done");
    assert_eq!(service.ended().await.expect("it ends well"), ShutdownOutcome::Drained);
}

#[tokio::test]
async fn what_takes_longer_than_the_drain_timeout_is_cut() {
    let nats = Nats::start().await;
    let entered = Arc::new(Notify::new());
    let never = {
        let entered = Arc::clone(&entered);
        async move || {
            entered.notify_one();
            std::future::pending::<()>().await;
        }
    };
    let router = Router::new().message("never", never);
    let service = nats
        .serve_as(router, |serve| serve.drain_timeout(Duration::from_millis(10)))
        .await;
    let client = nats.client().await;
    let call = tokio::spawn(async move { client.send::<()>("never", &0).await });
    entered.notified().await;
    service.stop();
    let outcome = service.ended().await.expect("it ends");
    assert_eq!(outcome, ShutdownOutcome::Cut { requests: 1 });
    call.abort();
}
