//! Differences between the callers of the majors (`docs/PROTOCOL.md` §4, §7), each compared with
//! the real `ClientTCP`, and the behaviour of our client.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use compat_tests::{Environment, NestClient, ask_client, on_each_major};
use futures_util::{TryStreamExt, future::join_all};
use nest_wire::{
    Compat,
    client::{CallError, Client},
    codec::FrameDecoder,
    json::{Maybe, Value},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

use crate::edge::{Caller, frame, in_time, nests};

on_each_major!(
    calls_that_lose_their_link_wait_for_ever_in_7_and_8_and_fail_in,
    lose_their_link
);
on_each_major!(a_call_without_pattern_or_data_is_refused_before_it_connects_by, refuses);
on_each_major!(
    calls_before_the_first_link_is_up_have_one_each_in_7_and_share_one_in,
    links
);
on_each_major!(an_undefined_value_in_a_stream_ends_it_up_to_11_and_not_in, gap);
on_each_major!(an_undefined_value_in_our_stream_is_written_and_taken_as_by, gap_of_ours);

on_each_major!(
    values_that_come_while_others_are_sent_are_lost_by_7_to_10_and_not_by,
    burst
);
on_each_major!(
    a_corrupt_frame_closes_the_half_of_the_caller_in_and_ends_ours_at_once,
    corrupt_frame
);

on_each_major!(a_call_that_is_given_up_says_nothing_in, unsubscribes);

on_each_major!(ids_are_uuids_in_7_and_8_and_21_digits_in, ids);

fn like(major: u8, service: SocketAddr) -> Client {
    let compat = Compat::from_major(major).expect("a major that is pinned");
    Client::builder()
        .compat(compat)
        .build(service.to_string())
        .expect("a client")
}

fn send(key: u8) -> String {
    json!({"op": "send", "key": key, "pattern": "call", "data": key}).to_string()
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    (listener, address)
}

/// A connection of a service that answers calls by hand.
struct Link(TcpStream);

impl Link {
    async fn accept(listener: &TcpListener) -> Self {
        Self(in_time(listener.accept()).await.expect("a caller").0)
    }

    /// Returns the next packet.
    async fn hear(&mut self) -> serde_json::Value {
        let mut received = bytes::BytesMut::new();
        let mut decoder = FrameDecoder::default();
        in_time(async {
            loop {
                if let Some(text) = decoder.decode(&mut received).expect("frames") {
                    return serde_json::from_str(&text).expect("JSON");
                }
                assert_ne!(
                    self.0.read_buf(&mut received).await.expect("bytes"),
                    0,
                    "the caller has closed"
                );
            }
        })
        .await
    }

    async fn answer(&mut self, call: &serde_json::Value) {
        let reply = json!({"response": "answer", "isDisposed": true, "id": call["id"]}).to_string();
        self.0.write_all(&frame(&reply)).await.expect("it reads");
    }

    /// Closes, and waits until the caller has closed too.
    async fn close(mut self) {
        self.0.shutdown().await.expect("closed");
        let rest = in_time(self.0.read_to_end(&mut Vec::new())).await;
        assert_eq!(rest.expect("no reset"), 0);
    }
}

async fn lose_their_link(major: u8) {
    let (listener, service) = listen().await;
    let mut client = NestClient::start(Environment::ready().await, major, service.port()).await;
    client.tell(&[send(1)]).await;
    let mut link = Link::accept(&listener).await;
    link.hear().await;
    link.close().await;
    if major >= 9 {
        let failed = r#"{"key":1,"error":{"message":"Connection closed"}}"#;
        assert_eq!(client.hear().await.as_deref(), Some(failed));
    }
    // The next call connects again. In 7 and 8 it is the first one that ends.
    client.tell(&[send(2)]).await;
    let mut link = Link::accept(&listener).await;
    let call = link.hear().await;
    link.answer(&call).await;
    assert_eq!(client.hear().await.as_deref(), Some(r#"{"key":2,"next":"answer"}"#));
    assert_eq!(client.hear().await.as_deref(), Some(r#"{"key":2,"complete":true}"#));
    client.tell(&[r#"{"op":"unsubscribe","key":1}"#.to_owned()]).await;
    assert_eq!(client.end().await, [""; 0]);

    let ours = like(major, service);
    let losing = async {
        let mut link = Link::accept(&listener).await;
        link.hear().await;
        link.close().await;
    };
    let (lost, ()) = tokio::join!(ours.send::<Value>("call", &1), losing);
    assert!(matches!(lost, Err(CallError::ConnectionClosed(_))), "{lost:?}");
}

/// There is no listener, so a caller that connected would receive an error.
async fn refuses(major: u8) {
    let (listener, nobody) = listen().await;
    drop(listener);
    let refused = [
        r#""pattern":null,"data":1"#,
        r#""data":1"#,
        r#""pattern":"call","data":null"#,
        r#""pattern":"call""#,
    ];
    let calls = ["send", "emit"]
        .into_iter()
        .flat_map(|op| refused.map(|call| (op, call)));
    let line = |(key, (op, call))| format!(r#"{{"op":"{op}","key":{key},{call}}}"#);
    let lines: Vec<_> = calls.enumerate().map(line).collect();
    let heard = ask_client(Environment::ready().await, major, nobody.port(), &lines).await;
    for key in 0..lines.len() {
        let error = "The invalid data or message pattern (undefined/null)";
        let error = json!({"key": key, "error": {"message": error}}).to_string();
        assert_eq!(heard[&key.to_string()], [error], "{}", lines[key]);
    }

    let ours = like(major, nobody);
    for error in [
        ours.send::<Value>(json!(null), &1).await.expect_err("no pattern"),
        ours.emit(json!(null), &1).await.expect_err("no pattern"),
    ] {
        assert!(matches!(error, CallError::MissingPattern), "{error:?}");
    }
    for error in [
        ours.send::<Value>("call", &()).await.expect_err("no data"),
        ours.emit("call", &()).await.expect_err("no data"),
    ] {
        assert!(matches!(error, CallError::MissingData), "{error:?}");
    }
}

/// Connections are numbered as they are accepted. Nest 7 sends all its calls over the last one.
async fn links(major: u8) {
    const CALLS: u8 = 3;
    let service = nests(major, &[]).await;
    let (listener, address) = listen().await;
    let count = Arc::new(AtomicUsize::new(0));
    tokio::spawn(pass_on(listener, service.address(), Arc::clone(&count)));

    let ping = |key| json!({"op": "send", "key": key, "pattern": "ping", "data": 0}).to_string();
    let pings: Vec<_> = (0..CALLS).map(ping).collect();
    let heard = ask_client(Environment::ready().await, major, address.port(), &pings).await;
    assert_eq!(heard.len(), usize::from(CALLS));
    assert_eq!(count.swap(0, SeqCst), if major == 7 { usize::from(CALLS) } else { 1 });

    let ours = like(major, address);
    for pong in join_all((0..CALLS).map(|_| ours.send::<String>("ping", &0))).await {
        assert_eq!(pong.expect("an answer"), "pong");
    }
    assert_eq!(count.load(SeqCst), 1);
}

async fn pass_on(listener: TcpListener, service: SocketAddr, count: Arc<AtomicUsize>) {
    loop {
        let (mut caller, _) = listener.accept().await.expect("a caller");
        count.fetch_add(1, SeqCst);
        tokio::spawn(async move {
            let mut service = TcpStream::connect(service).await.expect("it listens");
            // A connection that is dropped with its process may be reset.
            let _ = copy_bidirectional(&mut caller, &mut service).await;
        });
    }
}

async fn gap_of_ours(major: u8) {
    let theirs = nests(major, &[]).await;
    let ours = crate::edge::ours(major, Default::default()).await;
    let environment = Environment::ready().await;
    let mut seen = Vec::new();
    for service in [theirs.address(), ours] {
        let mut caller = Caller::of(service).await;
        for (pattern, replies) in [
            (
                "gap",
                [
                    r#"{"response":1,"id":"a"}"#,
                    r#"{"id":"a"}"#,
                    r#"{"response":2,"isDisposed":true,"id":"a"}"#,
                ],
            ),
            (
                "gap-at-the-end",
                [
                    r#"{"response":1,"id":"a"}"#,
                    r#"{"id":"a"}"#,
                    r#"{"isDisposed":true,"id":"a"}"#,
                ],
            ),
        ] {
            caller
                .say(&format!(r#"{{"pattern":"{pattern}","data":0,"id":"a"}}"#))
                .await;
            for reply in replies {
                caller.hear(reply).await;
            }
        }
        let ask = json!({"op": "send", "key": 1, "pattern": "gap", "data": 0}).to_string();
        seen.push(ask_client(environment, major, service.port(), &[ask]).await);
    }
    if major == 12 {
        assert_eq!(seen[0], seen[1]);
    } else {
        // The second value is the whole packet, with its random id.
        assert_eq!(seen[0]["1"].len(), seen[1]["1"].len(), "{seen:?}");
    }
}

async fn gap(major: u8) {
    let service = nests(major, &[]).await;
    let ask = json!({"op": "send", "key": 1, "pattern": "gap", "data": 0}).to_string();
    let environment = Environment::ready().await;
    let theirs = ask_client(environment, major, service.address().port(), &[ask]).await;
    let values = like(major, service.address())
        .send_stream::<Maybe<Value>>("gap", &0)
        .await;
    let values: Vec<_> = values.expect("sent").try_collect().await.expect("values");
    let shown = |value: &Maybe<Value>| match value {
        Maybe::Undefined => "undefined".to_owned(),
        Maybe::Value(value) => value.stringify(),
    };
    let ours: Vec<_> = values.iter().map(shown).collect();
    if major == 12 {
        let lines = [
            r#""next":1"#,
            r#""next_undefined":true"#,
            r#""next":2"#,
            r#""complete":true"#,
        ];
        assert_eq!(theirs["1"], lines.map(|line| format!(r#"{{"key":1,{line}}}"#)));
        assert_eq!(ours, ["1", "undefined", "2"]);
        return;
    }
    // The reply without a value is foreign: the whole reply is the last value, and the third one
    // has no call.
    assert_eq!(theirs["1"].len(), 3, "{theirs:?}");
    assert!(theirs["1"][1].starts_with(r#"{"key":1,"next":{"id":"#), "{theirs:?}");
    assert_eq!(theirs["1"][2], r#"{"key":1,"complete":true}"#);
    assert_eq!(ours.len(), 2, "{ours:?}");
    assert!(ours[1].starts_with(r#"{"id":"#), "{ours:?}");
}

async fn burst(major: u8) {
    let service = nests(major, &[]).await;
    let values = like(major, service.address()).send_stream::<u32>("burst", &0).await;
    let values: Vec<_> = values.expect("sent").try_collect().await.expect("values");
    if major >= 11 {
        assert_eq!(values, Vec::from_iter(1..=41));
    } else {
        assert_eq!((values.first(), values.last()), (Some(&1), Some(&41)));
        assert!(values.len() < 41, "nothing was lost");
    }
}

async fn corrupt_frame(major: u8) {
    let (listener, service) = listen().await;
    let mut client = NestClient::start(Environment::ready().await, major, service.port()).await;
    client.tell(&[send(1)]).await;
    let mut link = Link::accept(&listener).await;
    let call = link.hear().await;
    link.0.write_all(b"x#").await.expect("it reads");
    let rest = in_time(link.0.read_to_end(&mut Vec::new())).await;
    assert_eq!(rest.expect("no reset"), 0);
    // The caller has closed only its half, and delivers what still arrives.
    link.answer(&call).await;
    assert_eq!(client.hear().await.as_deref(), Some(r#"{"key":1,"next":"answer"}"#));
    assert_eq!(client.hear().await.as_deref(), Some(r#"{"key":1,"complete":true}"#));

    let ours = like(major, service);
    let breaking = async {
        let mut link = Link::accept(&listener).await;
        link.hear().await;
        link.0.write_all(b"x#").await.expect("it reads");
        link
    };
    // The service keeps its half open all the time.
    let (broken, _link) = tokio::join!(ours.send::<Value>("call", &1), breaking);
    assert!(matches!(broken, Err(CallError::ConnectionClosed(_))), "{broken:?}");
}

/// No packet cancels a call: the service continues its work, and its reply is ignored.
async fn unsubscribes(major: u8) {
    let (listener, service) = listen().await;
    let mut client = NestClient::start(Environment::ready().await, major, service.port()).await;
    client.tell(&[send(1)]).await;
    let mut link = Link::accept(&listener).await;
    let given_up = link.hear().await;
    client
        .tell(&[r#"{"op":"unsubscribe","key":1}"#.to_owned(), send(2)])
        .await;
    let wanted = link.hear().await;
    assert_eq!((&given_up["data"], &wanted["data"]), (&json!(1), &json!(2)));
    link.answer(&given_up).await;
    link.answer(&wanted).await;
    assert_eq!(client.hear().await.as_deref(), Some(r#"{"key":2,"next":"answer"}"#));
    assert_eq!(client.hear().await.as_deref(), Some(r#"{"key":2,"complete":true}"#));
    assert_eq!(client.end().await, [""; 0]);

    let ours = like(major, service);
    let stream = ours.send_stream::<Value>("call", &1).await.expect("sent");
    let mut link = Link::accept(&listener).await;
    let given_up = link.hear().await;
    drop(stream);
    let answering = async {
        let wanted = link.hear().await;
        assert_eq!((&given_up["data"], &wanted["data"]), (&json!(1), &json!(2)));
        link.answer(&given_up).await;
        link.answer(&wanted).await;
    };
    let (answer, ()) = tokio::join!(ours.send::<String>("call", &2), answering);
    assert_eq!(answer.expect("an answer"), "answer");
}

async fn ids(major: u8) {
    let (listener, service) = listen().await;
    let mut client = NestClient::start(Environment::ready().await, major, service.port()).await;
    client.tell(&[send(1)]).await;
    let mut link = Link::accept(&listener).await;
    let theirs = form(&link.hear().await["id"]);
    let expected = if major < 9 {
        "xxxxxxxx-xxxx-4xxx-xxxx-xxxxxxxxxxxx".to_owned()
    } else {
        "x".repeat(21)
    };
    assert_eq!(theirs, expected);

    let ours = like(major, service);
    let calling = ours.send_stream::<Value>("call", &1).await.expect("sent");
    let mut link = Link::accept(&listener).await;
    assert_eq!(form(&link.hear().await["id"]), expected);
    drop(calling);
}

/// Replaces each hexadecimal digit of an id with an x, except the digit of the UUID version.
fn form(id: &serde_json::Value) -> String {
    let id = id.as_str().expect("a string");
    let digit = |(at, digit): (usize, char)| match digit {
        '4' if at == 14 && id.len() == 36 => '4',
        '0'..='9' | 'a'..='f' => 'x',
        other => other,
    };
    id.chars().enumerate().map(digit).collect()
}
