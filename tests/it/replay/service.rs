//! Our server receives what Nest's server received in a recording, and sends the same replies.

use std::{sync::Arc, time::Duration};

use bytes::BytesMut;
use nest_wire::{
    Compat,
    forward::forward_to,
    in_memory,
    packet::IncomingReply,
    recording::{Content, Side},
    server::{Router, Routes, serve_connection},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    time::timeout,
};

use super::{Fixture, fixtures, frames};

#[path = "../../../examples/support/conformance.rs"]
pub(super) mod conformance;

/// Longer than any handler takes. Time is paused, so it elapses at once when nothing else can
/// happen.
const LONG: Duration = Duration::from_secs(24 * 3600);

#[tokio::test(start_paused = true)]
async fn our_server_answers_every_recording_as_nest_did() {
    assert_answers(|router, compat| router.compat(compat).into_routes()).await;
}

#[tokio::test(start_paused = true)]
async fn a_service_that_forwards_answers_every_recording_as_nest_did() {
    assert_answers(|router, compat| {
        let old_service = in_memory::client(router.compat(compat));
        Router::new()
            .compat(compat)
            .fallback(forward_to(old_service))
            .into_routes()
    })
    .await;
}

async fn assert_answers(routes: impl Fn(Router, Compat) -> Arc<Routes>) {
    let mut faults = Vec::new();
    for fixture in fixtures() {
        let differences = differences(&fixture, &routes).await;
        match (differences.is_empty(), fixture.note("differs")) {
            (_, "") => faults.extend(differences),
            (true, reason) => faults.push(format!("{}: no difference, though {reason}", fixture.name)),
            (false, _) => {}
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

async fn differences(fixture: &Fixture, routes: impl Fn(Router, Compat) -> Arc<Routes>) -> Vec<String> {
    let router = conformance::router().expect("the patterns are JSON");
    let routes = routes(router, recorded_major(fixture));
    let mut differences = Vec::new();
    for connection in 1..=fixture.recording.connections() {
        let ours = replay(fixture, connection, Arc::clone(&routes)).await;
        let theirs = Answer {
            bytes: BytesMut::from(&fixture.bytes(connection, Side::Service)[..]),
            has_ended: has_ended(fixture, connection),
        };
        if !ours.is_like(&theirs, fixture.note("order") == "per id") {
            differences.push(format!("{}: Nest {theirs:#?}\nwe {ours:#?}", fixture.name));
        }
    }
    differences
}

/// Returns the recorded major, which our server follows.
fn recorded_major(fixture: &Fixture) -> Compat {
    let (major, _) = fixture.note("nest").split_once('.').expect("a version");
    let compat = major.parse().ok().and_then(Compat::from_major);
    compat.unwrap_or_else(|| panic!("{}: no such major: {major}", fixture.name))
}

#[derive(Debug, PartialEq)]
struct Answer {
    bytes: BytesMut,
    /// Whether the service closed its side, before or after the last byte.
    has_ended: bool,
}

fn has_ended(fixture: &Fixture, connection: u32) -> bool {
    let mut events = fixture.recording.events.iter();
    events.any(|event| (event.connection, event.from, &event.content) == (connection, Side::Service, &Content::End))
}

/// Sends the caller's segments, each after as many bytes of replies as had arrived then.
async fn replay(fixture: &Fixture, connection: u32, routes: Arc<Routes>) -> Answer {
    let (mut caller, service) = duplex(1 << 20);
    let served = tokio::spawn(serve_connection(service, routes).into_future());
    let mut answer = Answer {
        bytes: BytesMut::new(),
        has_ended: false,
    };
    let mut expected = 0;
    let events = fixture.recording.events.iter();
    for event in events.filter(|event| event.connection == connection) {
        match (event.from, &event.content) {
            (Side::Caller, Content::Segment(bytes)) => caller.write_all(bytes).await.expect("it reads"),
            (Side::Caller, Content::End) => caller.shutdown().await.expect("it may"),
            (Side::Service, Content::Segment(bytes)) => {
                expected += bytes.len();
                answer.read(&mut caller, expected).await;
            }
            (Side::Service, Content::End) => answer.read(&mut caller, usize::MAX).await,
            (_, unknown) => panic!("nobody plays {unknown:?}"),
        }
    }
    // A server that sends more than was recorded has done so by now, or does so before it ends.
    if !answer.has_ended {
        caller.shutdown().await.expect("it may");
        answer.read(&mut caller, usize::MAX).await;
        answer.has_ended = false;
    }
    drop(caller);
    let ended = served.await.expect("the server does not panic");
    ended.unwrap_or_else(|error| panic!("{}: {error}", fixture.name));
    answer
}

impl Answer {
    /// Reads until there are `enough` bytes, the service closes, or nothing more arrives.
    async fn read(&mut self, from: &mut DuplexStream, enough: usize) {
        while !self.has_ended && self.bytes.len() < enough {
            match timeout(LONG, from.read_buf(&mut self.bytes)).await {
                Ok(read) => self.has_ended = read.expect("memory does not fail") == 0,
                Err(_) => return,
            }
        }
    }

    /// Returns whether the replies are the same: byte by byte, or id by id if their order is an
    /// accident of Node.
    fn is_like(&self, other: &Self, per_id: bool) -> bool {
        if per_id {
            self.has_ended == other.has_ended && self.by_id() == other.by_id()
        } else {
            self == other
        }
    }

    fn by_id(&self) -> Vec<String> {
        let mut texts = frames(&self.bytes);
        texts.sort_by_cached_key(|text| {
            let packet = IncomingReply::read(&text.clone().into(), Compat::default()).expect("a packet");
            packet.id.map(|id| id.to_string())
        });
        texts
    }
}
