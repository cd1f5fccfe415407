//! Whole services: the bytes that come back on a socket, and the effects of the handlers.
//!
//! A conversation consists of rounds of good frames, cut anywhere, each answered before the next
//! begins, and then one segment of anything. After an error Nest drops the rest of the *segment*,
//! so only what surely arrives as one segment may be broken: a single write to a service that has
//! read everything before it.

use std::net::SocketAddr;

use bytes::BytesMut;
use compat_tests::on_each_major;
use nest_wire::{Compat, codec::FrameDecoder, packet::IncomingReply};
use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    cases::{Cases, Difference, shown},
    peers::{in_time, nest_service, our_service},
    streams::{damaged, frame, piece, segments},
    texts::json,
};

const CASES: usize = 500;

on_each_major!(
    any_conversation_has_the_same_replies_and_effects,
    conversations_are_the_same
);

async fn conversations_are_the_same(major: u8) {
    let nest = nest_service(major).await;
    let services = [nest.address(), our_service(major).await];
    Cases::from_major(major, CASES, conversation())
        .run(1, async |conversations| {
            let conversation = &conversations[0];
            let [nest, ours] = services.map(|service| in_time(Outcome::of(service, conversation)));
            let (mut nest, mut ours) = tokio::join!(nest, ours);
            if major == 7 {
                nest.forget_refusals();
                ours.forget_refusals();
            }
            (nest != ours).then(|| Difference {
                at: 0,
                input: conversation.shown(),
                nest: format!("{nest:#?}"),
                ours: format!("{ours:#?}"),
            })
        })
        .await;
}

#[derive(Debug)]
struct Conversation {
    /// Whole frames, in segments.
    rounds: Vec<Vec<Vec<u8>>>,
    last: Vec<u8>,
}

impl Conversation {
    fn shown(&self) -> String {
        let rounds: Vec<_> = self.rounds.iter().map(|segments| shown(segments)).collect();
        format!("rounds {rounds:#?}, at last {}", self.last.escape_ascii())
    }
}

fn conversation() -> impl Strategy<Value = Conversation> {
    let good = vec(request().prop_map(|text| frame(&text)), 0..6);
    let round = (good, vec(any::<Index>(), 0..6)).prop_map(|(frames, cuts)| segments(&frames.concat(), &cuts));
    let last = damaged(vec(piece(request()), 0..5));
    (vec(round, 0..3), last).prop_map(|(rounds, last)| Conversation { rounds, last })
}

/// Patterns for which the data does not matter.
#[rustfmt::skip]
const QUICK: &[&str] = &[
    r#""ping""#, r#""nothing""#, r#""nil""#, r#""error""#, r#""dup""#, r#""nobody""#, r#""true""#, "true", "42",
    r#""42""#, r#""4.2e1""#, r#"{"role":"admin","cmd":"who"}"#, r#""{\"role\":\"admin\",\"cmd\":\"who\"}""#,
    r#"{"A":{"Y":2,"z":"x\"y"},"b":1}"#, r#"{"a":4,"Z":3,"é":2,"_v":1,"Cmd":"get","service":"users"}"#, "null",
];

/// Makes a packet for the handlers that reply at once. Its id is practically unique.
fn request() -> impl Strategy<Value = String> + Clone {
    let quick = (select(QUICK), json());
    // `note` stands twice, because its effect shows only if there are several.
    let patterns = [r#""echo""#, r#""rpc-error""#, r#""context""#, r#""note""#, r#""note""#];
    let any_data = (select(patterns.to_vec()), json());
    let values = vec(json(), 0..4).prop_map(|values| format!("[{}]", values.join(",")));
    let stream = (Just(r#""stream""#), values.clone());
    let failing = (values, json()).prop_map(|(values, error)| format!("{{\"values\":{values},\"error\":{error}}}"));
    let call = prop_oneof![4 => quick, 6 => any_data, 2 => stream, 1 => (Just(r#""stream-error""#), failing)];
    let id = prop_oneof![
        6 => any::<u32>().prop_map(|id| format!(",\"id\":{id}")),
        2 => any::<u32>().prop_map(|id| format!(",\"id\":\"\\u0069{id}\"")),
        3 => Just(String::new()),
    ];
    let metadata = prop_oneof![4 => Just(String::new()), 1 => json().prop_map(|json| format!(",\"metadata\":{json}"))];
    let packet = (call, metadata, id)
        .prop_map(|((pattern, data), metadata, id)| format!("{{\"pattern\":{pattern},\"data\":{data}{metadata}{id}}}"));
    prop_oneof![12 => packet, 1 => json()].boxed()
}

/// The behaviour of a service in a conversation. Replies to different ids may come in any order.
#[derive(Debug, PartialEq)]
struct Outcome {
    rounds: Vec<Vec<String>>,
    /// The replies after the last segment, until the service closed the connection.
    last: Vec<String>,
    /// The effects of the events.
    notes: Vec<String>,
}

impl Outcome {
    /// Removes no-handler replies: Nest 7 sends them at once, and so even before a corrupt frame in
    /// the same segment (`docs/PROTOCOL.md` §7).
    fn forget_refusals(&mut self) {
        self.last
            .retain(|reply| !reply.contains("There is no matching message handler"));
    }

    async fn of(service: SocketAddr, conversation: &Conversation) -> Self {
        let mut stream = connect(service).await;
        let mut rounds = Vec::new();
        for segments in &conversation.rounds {
            for segment in segments {
                stream.write_all(segment).await.expect("it reads");
            }
            rounds.push(replies(&settled(&mut stream).await));
        }
        stream.write_all(&conversation.last).await.expect("it reads");
        stream.shutdown().await.expect("it has not reset the link");
        let mut last = Vec::new();
        stream
            .read_to_end(&mut last)
            .await
            .expect("it closes the link in good order");

        let mut stream = connect(service).await;
        let ask = frame(r#"{"pattern":"notes","data":0,"id":"notes"}"#);
        stream.write_all(&ask).await.expect("it reads");
        let notes = replies(&settled(&mut stream).await);
        Self {
            rounds,
            last: replies(&last),
            notes,
        }
    }
}

async fn connect(service: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(service).await.expect("it listens");
    stream.set_nodelay(true).expect("the system can do without delay");
    stream
}

/// Reads until everything is answered. A pong may overtake replies to what was sent with its ping,
/// but these are then on the way and stand before the next pong.
async fn settled(stream: &mut TcpStream) -> Vec<u8> {
    let mut received = Vec::new();
    for id in ["first", "second"] {
        let ping = frame(&format!(r#"{{"pattern":"ping","data":0,"id":"{id}"}}"#));
        let pong = frame(&format!(r#"{{"response":"pong","isDisposed":true,"id":"{id}"}}"#));
        stream.write_all(&ping).await.expect("it reads");
        while !received.windows(pong.len()).any(|window| window == pong) {
            let count = stream.read_buf(&mut received).await.expect("the link holds");
            assert!(count > 0, "closed after {}", received.escape_ascii());
        }
    }
    received
}

/// Returns the replies in `received`, grouped by id. A malformed header shows too.
fn replies(received: &[u8]) -> Vec<String> {
    let mut buffer = BytesMut::from(received);
    let mut decoder = FrameDecoder::default();
    let mut replies = Vec::new();
    let mut length = 0;
    while let Some(text) = decoder.decode(&mut buffer).expect("a service sends good frames") {
        let frame = frame(&text);
        assert_eq!(
            received.get(length..length + frame.len()),
            Some(&frame[..]),
            "the header is odd"
        );
        length += frame.len();
        let id = IncomingReply::read(&text, Compat::Nest12)
            .expect("a reply")
            .id
            .map(|id| id.to_string());
        replies.push((id, text.to_string()));
    }
    assert_eq!(length, received.len(), "a cut frame in {}", received.escape_ascii());
    replies.sort_by(|(left, _), (right, _)| left.cmp(right));
    replies.into_iter().map(|(_, text)| text).collect()
}
