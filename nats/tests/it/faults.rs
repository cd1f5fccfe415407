//! What goes wrong: packets that are too large or no JSON, handlers that panic, a server that
//! restarts, limits.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt, stream};
use nest_wire::{
    packet::RpcError,
    server::{Payload, ReplyStream, Router},
};
use nest_wire_nats::{CallError, ServeError, serve};
use tokio::sync::Notify;

use crate::support::Nats;

#[tokio::test]
async fn a_reply_that_is_too_large_is_answered_with_an_error() {
    let nats = Nats::start().await;
    let long = async |Payload(length): Payload<usize>| "x".repeat(length);
    let _service = nats.serve(Router::new().message("long", long)).await;
    let client = nats.client().await;
    let max = 1_048_576;
    let error = client.send::<String>("long", &max).await.expect_err("too large");
    let message = error
        .as_rpc()
        .and_then(RpcError::message)
        .expect("an error of the service");
    assert!(message.ends_with("bytes, NATS takes 1048576"), "{message}");
    let answer: String = client.send("long", &(max - 100)).await.expect("it fits");
    assert_eq!(answer.len(), max - 100);
    let error = client
        .send::<String>("long", &"x".repeat(max))
        .await
        .expect_err("too large");
    assert!(matches!(error, CallError::TooLarge { max: 1_048_576, .. }), "{error}");
}

#[tokio::test]
async fn a_message_that_is_not_json_gets_an_error_and_harms_nobody() {
    let nats = Nats::start().await;
    let _service = nats
        .serve(Router::new().message("echo", async |Payload(text): Payload<String>| text))
        .await;
    let connection = nats.connection().await;
    for malformed in ["", "{", "\u{feff}", "{\"pattern\":}"] {
        let reply = connection.request("echo", malformed.into()).await.expect("a reply");
        let reply = String::from_utf8(reply.payload.to_vec()).expect("UTF-8");
        assert_eq!(
            reply,
            r#"{"err":{"status":"error","message":"the message is not JSON"},"isDisposed":true}"#
        );
        connection.publish("echo", malformed.into()).await.expect("it is sent");
    }
    let answer: String = nats.client().await.send("echo", "hi").await.expect("an answer");
    assert_eq!(answer, "hi");
}

#[tokio::test]
async fn patterns_that_are_no_subjects_are_refused_by_name() {
    let nats = Nats::start().await;
    let router = Router::new()
        .message("fine", async || ())
        .message("with space", async || ())
        .event("a..b", async || ());
    let error = serve(nats.connection().await, router)
        .subscribe()
        .await
        .expect_err("no subjects");
    assert!(matches!(error, ServeError::InvalidSubjects(_)));
    assert_eq!(
        error.to_string(),
        r#"these patterns cannot be subjects of NATS: "with space", "a..b""#
    );
    let client = nats.client().await;
    let error = client.send::<()>("with space", &0).await.expect_err("no subject");
    assert_eq!(
        error.to_string(),
        r#"the pattern "with space" cannot be a subject of NATS: it has white space"#
    );
    assert!(matches!(
        client.send::<()>("x", &None::<u8>).await,
        Err(CallError::MissingData)
    ));
}

/// The server would close the connection, and with it end the other calls.
#[tokio::test]
async fn a_pattern_that_is_too_long_for_the_server_fails_alone() {
    let nats = Nats::start().await;
    let entered = Arc::new(Notify::new());
    let may_end = Arc::new(Notify::new());
    let slow = {
        let (entered, may_end) = (Arc::clone(&entered), Arc::clone(&may_end));
        async move || {
            entered.notify_one();
            may_end.notified().await;
            "done"
        }
    };
    let longest = "x".repeat(4_000);
    let router = Router::new()
        .message("slow", slow)
        .message(longest.as_str(), async || "long");
    let _service = nats.serve_as(router, |serve| serve.queue("users")).await;
    let client = nats.client().await;
    let other = client.clone();
    let other = tokio::spawn(async move { other.send::<String>("slow", &0).await });
    entered.notified().await;
    let answer = client.send::<String>(longest.as_str(), &0).await;
    assert_eq!(answer.expect("an answer"), "long");
    let error = client.send::<()>("x".repeat(5_000), &0).await.expect_err("too long");
    assert!(matches!(error, CallError::InvalidSubject(_)), "{error}");
    may_end.notify_one();
    assert_eq!(other.await.expect("no panic").expect("an answer"), "done");
}

#[tokio::test]
async fn a_panic_is_an_error_reply_and_nothing_else() {
    let nats = Nats::start().await;
    let router = Router::new()
        .message("panics", async || -> u8 { panic!("oh no") })
        .message("ping", async || "pong");
    let _service = nats.serve(router).await;
    let client = nats.client().await;
    let error = client.send::<u8>("panics", &0).await.expect_err("a panic");
    assert_eq!(error.as_rpc(), Some(&RpcError::internal()));
    assert_eq!(client.send::<String>("ping", &0).await.expect("an answer"), "pong");
}

#[tokio::test]
async fn a_slow_handler_delays_no_other_of_its_subject() {
    let nats = Nats::start().await;
    let wait = async |Payload(waits): Payload<bool>| {
        if waits {
            std::future::pending::<()>().await;
        }
    };
    let _service = nats.serve(Router::new().message("wait", wait)).await;
    let client = nats.client().await;
    let slow = client.clone();
    let slow = tokio::spawn(async move { slow.send::<()>("wait", &true).await });
    for _ in 0..100 {
        client.send::<()>("wait", &false).await.expect("an answer");
    }
    assert!(!slow.is_finished());
}

#[tokio::test]
async fn what_exceeds_the_limit_is_refused() {
    let nats = Nats::start().await;
    let (started, mut starts) = tokio::sync::mpsc::unbounded_channel();
    let wait = async move || {
        let _ = started.send(());
        std::future::pending::<()>().await;
    };
    let _service = nats
        .serve_as(Router::new().message("wait", wait), |serve| serve.max_in_flight(1))
        .await;
    let client = nats.client().await;
    let first = client.clone();
    let first = tokio::spawn(async move { first.send::<()>("wait", &0).await });
    starts.recv().await.expect("the first is handled");
    let error = client.send::<()>("wait", &0).await.expect_err("the second is not");
    assert_eq!(error.as_rpc(), Some(&RpcError::new("too many requests in flight")));
    assert!(!first.is_finished());
}

#[tokio::test]
async fn service_and_caller_go_on_after_the_server_has_restarted() {
    let mut nats = Nats::start().await;
    let _service = nats.serve(Router::new().message("ping", async || "pong")).await;
    let client = nats.client().await.with_timeout(Duration::from_millis(500));
    assert_eq!(client.send::<String>("ping", &0).await.expect("an answer"), "pong");
    nats.server = nats.server.restart().await.expect("it starts again");
    // Both connect again in their own time.
    while client.send::<String>("ping", &0).await.is_err() {}
}

#[tokio::test]
async fn a_service_whose_connection_is_closed_ends_with_an_error() {
    let nats = Nats::start().await;
    let connection = nats.connection().await;
    let subscribed = serve(connection.clone(), Router::new().message("ping", async || "pong"))
        .subscribe()
        .await;
    let running = tokio::spawn(subscribed.expect("it subscribes").into_future());
    connection.drain().await.expect("it drains");
    let error = running.await.expect("no panic").expect_err("it is closed");
    assert!(matches!(error, ServeError::Closed), "{error}");
    let client = nest_wire_nats::Client::new(connection);
    assert!(matches!(client.send::<()>("ping", &0).await, Err(CallError::Closed)));
}

#[tokio::test]
async fn a_stream_that_is_not_taken_overflows_alone() {
    let nats = Nats::start().await;
    let sent = Arc::new(Notify::new());
    let chunks = {
        let sent = Arc::clone(&sent);
        async move || {
            let chunks = stream::iter(std::iter::repeat_n("x".repeat(500_000), 100));
            let end = stream::once(async move {
                sent.notify_one();
                String::new()
            });
            ReplyStream::new(chunks.chain(end))
        }
    };
    let router = Router::new().message("chunks", chunks).message("ping", async || "pong");
    let _service = nats.serve(router).await;
    let client = nats.client().await;
    let values = client.send_stream::<String>("chunks", &0).await.expect("it is sent");
    sent.notified().await;
    // The chunks came before this answer, over the same connections.
    assert_eq!(client.send::<String>("ping", &0).await.expect("an answer"), "pong");
    let values: Vec<_> = values.collect().await;
    let (last, taken) = values.split_last().expect("an error");
    assert!(matches!(last, Err(CallError::StreamOverflow(4_194_304))), "{last:?}");
    // Eight chunks and 64 bytes for each fit.
    assert_eq!(taken.len(), 8);
    assert!(taken.iter().all(Result::is_ok));
}
