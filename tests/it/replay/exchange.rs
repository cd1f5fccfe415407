//! A router that is asked without a connection replies as over TCP, to every recorded request and
//! for every handler.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bytes::BytesMut;
use futures_util::StreamExt;
use nest_wire::{
    Compat,
    packet::{IncomingRequest, write_reply},
    pattern::{IncomingPattern, Route},
    recording::Side,
    server::{Request, RequestKind, Routes, exchange::Exchange, reply::ReplyItem, serve_connection},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, duplex},
    time::sleep,
};

use super::{encoded, fixtures, frames, service::conformance};

/// Longer than any handler takes. Time is paused, so it elapses when nothing else can happen.
const LONG: Duration = Duration::from_secs(24 * 3600);

#[tokio::test(start_paused = true)]
async fn every_request_is_answered_as_over_a_connection() {
    let mut asked = BTreeSet::new();
    for text in &requests() {
        let Ok(packet) = IncomingRequest::read(&text.clone().into()) else {
            continue;
        };
        let pattern = packet.pattern.as_ref().map_or("", |pattern| pattern.as_str());
        let pattern = IncomingPattern::read(pattern, Compat::NEWEST).unwrap_or_else(|_| IncomingPattern::absent());
        let expected = over_tcp(text).await;
        let exchange = routes().exchange(request(&packet, &pattern));
        assert_eq!(packets(exchange, &packet).await, expected, "{text}");
        let registered = |route: &&Route<'_>| routes().registered().any(|(it, _)| it == *route);
        if let Some(route) = pattern.route().filter(registered) {
            let exchange = routes().exchange_at(route, request(&packet, &pattern));
            assert_eq!(packets(exchange, &packet).await, expected, "{text}");
            asked.insert(route.to_string());
        }
    }
    let routes = routes();
    let unasked: Vec<_> = routes
        .registered()
        .map(|(route, _)| route.to_string())
        .filter(|route| !asked.contains(route))
        .collect();
    // A text pattern `true` or `null` is read as JSON, in Nest too: no packet reaches its handler.
    assert_eq!(unasked, ["true", "null"]);
}

#[tokio::test]
async fn the_items_of_a_reply_end_with_the_last() {
    let mut exchange = routes().exchange(Request::message("stream", &3).expect("JSON"));
    while let Some(item) = exchange.next().await {
        let has_ended = exchange.next().await;
        assert_eq!(item.is_last(), has_ended.is_none());
        if let Some(ReplyItem::Last(_)) = has_ended {
            break;
        }
    }
    assert!(exchange.next().await.is_none());
}

fn routes() -> Arc<Routes> {
    conformance::router().expect("the patterns are JSON").into_routes()
}

/// Returns the texts of all packets that callers sent in the recordings, and of a message to each
/// handler.
fn requests() -> BTreeSet<String> {
    let message =
        |(route, _): (&Route<'_>, RequestKind)| format!(r#"{{"pattern":{},"data":[1,2],"id":"1"}}"#, route.to_json());
    let mut texts: BTreeSet<String> = routes().registered().map(message).collect();
    for fixture in fixtures() {
        for connection in 1..=fixture.recording.connections() {
            texts.extend(frames(&fixture.bytes(connection, Side::Caller)));
        }
    }
    texts
}

fn request(packet: &IncomingRequest, pattern: &IncomingPattern) -> Request {
    let kind = match packet.id {
        Some(_) => RequestKind::Message,
        None => RequestKind::Event,
    };
    let mut request = Request::raw(kind, pattern.as_str().map(Into::into), packet.data.clone());
    request.metadata = packet.metadata.clone();
    request
}

async fn packets(exchange: Exchange, packet: &IncomingRequest) -> Vec<String> {
    let items: Vec<ReplyItem> = exchange.collect().await;
    let mut texts = Vec::new();
    for item in items {
        let mut text = BytesMut::new();
        let id = packet.id.as_ref().expect("an event has no reply");
        write_reply(&mut text, item.as_outgoing(), id);
        texts.push(String::from_utf8(text.to_vec()).expect("UTF-8"));
    }
    texts
}

/// Returns the packets that a service sends to a connection on which `text` alone arrives.
async fn over_tcp(text: &str) -> Vec<String> {
    let (mut caller, service) = duplex(1 << 20);
    let served = tokio::spawn(serve_connection(service, routes()).into_future());
    caller.write_all(&encoded(&[text.to_owned()])).await.expect("it reads");
    // Nest's server closes when its caller does, so the caller waits for the last reply.
    sleep(LONG).await;
    caller.shutdown().await.expect("it may");
    let mut bytes = Vec::new();
    caller.read_to_end(&mut bytes).await.expect("it closes");
    served.await.expect("no panic").expect("a clean end");
    frames(&bytes)
}
