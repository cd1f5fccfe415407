//! The log: failures have their pattern and peer, connections without a request are not reported,
//! and a peer's data is never logged in full.

use std::{io, sync::Arc};

use futures_util::{StreamExt, stream};
use nest_wire::{
    client::Client,
    packet::RpcError,
    pattern::Pattern,
    server::{HostListener, ReplyStream, Router, serve},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
};
use tracing::Level;

use crate::support::{Log, calls, converse};

/// Serves on a free port until `script`, which receives `HOST:PORT`, has ended, and then until the
/// service has stopped.
async fn serving(router: Router, script: impl AsyncFnOnce(String)) {
    let listener = HostListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addrs().expect("bound")[0].to_string();
    let stop = Arc::new(Notify::new());
    let stopped = Arc::clone(&stop).notified_owned();
    let served = tokio::spawn(serve(listener, router).with_graceful_shutdown(stopped).into_future());
    script(address).await;
    stop.notify_one();
    served.await.expect("no panic");
}

fn failing() -> Router {
    Router::new()
        .message("fails", async || Err::<(), _>(io::Error::other("no disk")))
        .message("fails-later", async || {
            tokio::task::yield_now().await;
            Err::<(), _>(io::Error::other("no disk"))
        })
        .message("panics", async || -> u32 { panic!("oh no") })
        .message("streams", async || {
            let values = stream::iter([Ok(1)]).chain(stream::once(async {
                tokio::task::yield_now().await;
                Err(io::Error::other("no disk"))
            }));
            ReplyStream::fallible(values)
        })
        .message("streams-and-panics", async || {
            ReplyStream::new(stream::once(async { panic!("oh no") as u32 }))
        })
        .event("both", async || -> u32 { panic!("oh no") })
        .event("both", async || Err::<(), _>(RpcError::new("no")))
}

#[tokio::test]
async fn a_failure_names_pattern_and_peer_when_spans_are_off() {
    for (pattern, words) in [
        ("fails", "the handler failed"),
        ("fails-later", "the handler failed"),
        ("panics", "the handler panicked"),
        ("streams", "the handler failed"),
        ("streams-and-panics", "the handler panicked"),
        ("both", "the handler panicked"),
    ] {
        let log = Log::of(Level::WARN);
        serving(failing(), async |address| {
            let client = Client::new(address);
            client.send::<()>(pattern, &0).await.expect_err("it fails");
        })
        .await;
        let line = log.line_with(words);
        let named = format!(" pattern=\"{pattern}\" peer=127.0.0.1:");
        assert!(line.contains(&named), "{line}");
        assert_eq!(log.text().lines().count(), 1, "{}", log.text());
    }
}

#[tokio::test]
async fn an_event_that_fails_names_pattern_and_peer() {
    let log = Log::of(Level::WARN);
    let router = Router::new().event("note", async || Err::<(), _>(RpcError::new("no")));
    serving(router, async |address| {
        let client = Client::new(address);
        client.emit("note", &0).await.expect("sent");
        client.emit("unknown", &0).await.expect("sent");
        client.close().await;
    })
    .await;
    for (words, named) in [
        ("the event's handler failed", " pattern=\"note\" peer=127.0.0.1:"),
        ("no handler for this event", " pattern=\"unknown\" peer=127.0.0.1:"),
    ] {
        let line = log.line_with(words);
        assert!(line.contains(named), "{line}");
    }
}

#[tokio::test]
async fn a_caller_that_connects_and_leaves_is_no_news() {
    let log = Log::of(Level::DEBUG);
    serving(Router::new(), async |address| {
        let politely = TcpStream::connect(&address).await.expect("it listens");
        drop(politely);
        let rudely = TcpStream::connect(&address).await.expect("it listens");
        // The connection then ends with a reset.
        socket2::SockRef::from(&rudely)
            .set_linger(Some(std::time::Duration::ZERO))
            .expect("an option of TCP");
        drop(rudely);
        Client::new(address).connect().await.expect("connected");
    })
    .await;
    let text = log.text();
    assert!(text.contains("DEBUG"), "{text}");
    let noise: Vec<_> = text.lines().filter(|line| !line.starts_with("DEBUG")).collect();
    assert_eq!(noise, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_request_s_span_has_the_fields_of_the_conventions() {
    let log = Log::of(Level::DEBUG);
    let router = Router::new().message("sum", async || Err::<(), _>(RpcError::new("no")));
    converse(router, async |mut peer| {
        peer.say(r#"{"pattern":"sum","data":0,"id":"a"}"#).await;
        peer.take_text().await;
    })
    .await
    .expect("served");
    let line = log.line_with("the handler answers with an error");
    for field in [
        "connection{messaging.system=\"nestjs\"}",
        "otel.name=process sum",
        "otel.kind=\"consumer\"",
        "messaging.system=\"nestjs\"",
        "messaging.operation.name=\"process\"",
        "messaging.operation.type=\"process\"",
        "messaging.destination.name=\"sum\"",
        "messaging.message.conversation_id=\"a\"",
    ] {
        assert!(line.contains(field), "{field} in {line}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_pattern_a_span_and_a_log_hold_64_characters() {
    let log = Log::of(Level::DEBUG);
    let pattern = "求".repeat(100);
    let fallback = Router::new().fallback(async || -> u32 { panic!("oh no") });
    converse(fallback, async |mut peer| {
        peer.say(&format!(r#"{{"pattern":"{pattern}","data":0,"id":"{pattern}"}}"#))
            .await;
        peer.take_text().await;
    })
    .await
    .expect("served");
    let line = log.line_with("the handler panicked");
    let longest = line
        .split(|character| character != '求')
        .map(|run| run.chars().count())
        .max();
    assert_eq!(longest, Some(64), "{line}");
}

#[tokio::test(start_paused = true)]
async fn a_call_s_span_has_the_fields_of_the_conventions() {
    let log = Log::of(Level::DEBUG);
    let (client, mut links) = calls();
    let calling = tokio::spawn(async move { client.send::<u32>(Pattern::object([("cmd", "sum")]), &1).await });
    let mut service = links.next().await;
    let id = service.hear_request(r#""pattern":{"cmd":"sum"},"data":1"#).await;
    service
        .say(&format!(r#"{{"err":"no","isDisposed":true,"id":"{id}"}}"#))
        .await;
    calling.await.expect("no panic").expect_err("refused");
    let line = log.line_with("client::call::trace: close");
    for field in [
        r#"otel.name=send {"cmd":"sum"}"#,
        r#"otel.kind="producer""#,
        r#"otel.status_code="ERROR""#,
        r#"messaging.system="nestjs""#,
        r#"messaging.operation.name="send""#,
        r#"messaging.operation.type="send""#,
        r#"messaging.destination.name="{\"cmd\":\"sum\"}""#,
        &format!("messaging.message.conversation_id={id}"),
        r#"error.type="error""#,
    ] {
        assert!(line.contains(field), "{field} in {line}");
    }
}

#[tokio::test]
async fn peers_that_break_the_framing_are_named_and_cannot_fill_the_log() {
    for (bytes, words) in [
        (&b"GET /# HTTP/1.1\r\n\r\n"[..], "closing the connection"),
        (b"9#", "the peer closed the connection in the middle of a frame"),
        (br#"24#{"pattern":"e","data":0}"#, "no handler for this event"),
    ] {
        let log = Log::of(Level::WARN);
        let mut first = None;
        serving(Router::new(), async |address| {
            for _ in 0..20 {
                let mut link = TcpStream::connect(&address).await.expect("it listens");
                first.get_or_insert(link.local_addr().expect("connected"));
                link.write_all(bytes).await.expect("open");
                link.shutdown().await.expect("open");
                link.read_to_end(&mut Vec::new()).await.expect("it closes");
            }
        })
        .await;
        let (text, first) = (log.text(), first.expect("twenty"));
        let lines: Vec<&str> = text.lines().filter(|line| line.contains(words)).collect();
        assert!(lines[0].contains(&format!("peer={first}")), "{text}");
        // One line a second, and twenty connections hardly take a second.
        assert!(lines.len() < 20, "{text}");
    }
}
