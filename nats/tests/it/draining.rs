//! A service that stops loses nothing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use futures_util::{FutureExt, StreamExt, stream};
use nest_wire::{
    packet::RpcError,
    server::{Payload, Router},
};
use nest_wire_nats::ShutdownOutcome;
use tokio::sync::Notify;

use crate::{link::Link, support::Nats};

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

/// The service sends a reply while the messages are held, so that the client of NATS has reasons to
/// run before they come.
#[tokio::test]
async fn messages_on_their_way_to_a_service_that_stops_are_answered() {
    let nats = Nats::start().await;
    let link = Link::to(nats.server.address()).await;
    let (entered, may_end) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let echo = {
        let (entered, may_end) = (Arc::clone(&entered), Arc::clone(&may_end));
        async move |Payload(number): Payload<u32>| {
            if number == 0 {
                entered.notify_one();
                may_end.notified().await;
            }
            number
        }
    };
    let connection = async_nats::connect(link.url()).await.expect("it listens");
    let service = nats
        .serve_over(connection, Router::new().message("echo", echo), |serve| {
            serve.queue("q")
        })
        .await;
    let caller = nats.connection().await;
    let mut replies = caller.subscribe("replies").await.expect("a subscription");
    let call = async |number: u32| {
        let packet = format!(r#"{{"pattern":"echo","data":{number},"id":"a"}}"#);
        let sent = caller.publish_with_reply("echo", "replies", packet.into()).await;
        sent.expect("it is sent");
    };
    call(0).await;
    entered.notified().await;
    link.hold();
    for number in 1..=100 {
        call(number).await;
    }
    caller
        .request("nobody", "".into())
        .await
        .expect_err("the server has read the calls");
    service.stop();
    // The subscription is the first of its connection.
    link.sent("UNSUB 1 ").await;
    nobody_gets("echo", &caller).await;
    may_end.notify_one();
    let mut answered = vec![replies.next().await.expect("it is open").payload];
    link.release();
    let outcome = service.ended().await.expect("it ends well");
    assert_eq!(outcome, ShutdownOutcome::Drained);
    caller
        .request("echo", "".into())
        .await
        .expect_err("the replies came before");
    while let Some(reply) = replies.next().now_or_never() {
        answered.push(reply.expect("it is open").payload);
    }
    let expected: Vec<String> = (0..=100)
        .map(|number| format!(r#"{{"response":{number},"isDisposed":true,"id":"a"}}"#))
        .collect();
    assert_eq!(answered, expected);
}

/// Waits until the server reports that nobody subscribes to the subject.
async fn nobody_gets(subject: &'static str, caller: &async_nats::Client) {
    let mut reports = caller.subscribe("reports").await.expect("a subscription");
    let mut reported = None;
    while reported.is_none() {
        let sent = caller.publish_with_reply(subject, "reports", "".into()).await;
        sent.expect("it is sent");
        caller
            .request("nobody", "".into())
            .await
            .expect_err("nobody subscribes");
        reported = reports.next().now_or_never();
    }
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
async fn the_caller_receives_an_error_for_what_takes_longer_than_the_drain_timeout() {
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
    let error = call.await.expect("no panic").expect_err("no value");
    let expected = RpcError::new("the service stopped before it replied");
    assert_eq!(error.as_rpc(), Some(&expected));
}
