//! Differences between the services of the majors (`docs/PROTOCOL.md` §7, §8), each compared with
//! real Nest. Our service survives all of them, for every major that it follows.

use std::io;

use compat_tests::on_each_major;
use nest_wire::connection::TransportConfig;
use tokio::net::TcpStream;

use crate::edge::{Caller, frame, in_time, nests, ours};

on_each_major!(an_open_link_after_close_is_served_by_7_to_10_and_cut_by, close);
on_each_major!(frames_without_number_are_too_many_for_7_to_10_and_not_for, flood);
on_each_major!(a_pattern_nested_very_deep_kills_7_to_10_and_not, deep);
on_each_major!(
    a_value_that_cannot_be_serialised_kills_7_to_11_and_never_us,
    unserialisable
);
on_each_major!(several_handlers_of_a_pattern_answer_as_in, several);
on_each_major!(what_a_pattern_that_is_no_plain_text_reaches_in, no_plain_text);
on_each_major!(an_array_is_one_pattern_to_7_and_8_and_several_to, array);

const NO_HANDLER: &str =
    r#"{"id":1,"status":"error","err":"There is no matching message handler defined in the remote service."}"#;

async fn close(major: u8) {
    let nest = nests(major, &[]).await;
    let mut caller = Caller::of(nest.address()).await;
    caller.ping().await;
    caller.say(r#"{"pattern":"close","data":0}"#).await;
    nest.wait_for_line("closed").await.expect("it has closed");
    if major < 11 {
        caller.ping().await;
    } else {
        assert_eq!(caller.hear_the_end().await, b"");
    }
    let refused = TcpStream::connect(nest.address()).await.expect_err("nobody listens");
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
}

/// Returns as many frames as fit into a segment: events without a handler.
fn flood_of_frames() -> Vec<u8> {
    b"1#5".repeat(65_535 / 3)
}

async fn flood(major: u8) {
    let mut nest = nests(major, &[]).await;
    let mut caller = Caller::of(nest.address()).await;
    caller.send(&flood_of_frames()).await;
    match major {
        7 => assert!(!in_time(nest.ended()).await.expect("it ends").success()),
        8..=10 => {
            assert_eq!(caller.hear_the_end().await, b"");
            // The process has survived.
            Caller::of(nest.address()).await.ping().await;
        }
        _ => caller.ping().await,
    }

    let mut caller = Caller::of(ours(major, TransportConfig::default()).await).await;
    caller.send(&flood_of_frames()).await;
    caller.ping().await;
}

async fn deep(major: u8) {
    let nested = "[".repeat(20_000) + &"]".repeat(20_000);
    let request = frame(&format!(r#"{{"pattern":{nested},"data":0,"id":1}}"#));
    let mut nest = nests(major, &[]).await;
    let mut caller = Caller::of(nest.address()).await;
    caller.send(&request).await;
    if major < 11 {
        assert!(!in_time(nest.ended()).await.expect("it ends").success());
    } else {
        caller.hear(NO_HANDLER).await;
        caller.ping().await;
    }

    let mut caller = Caller::of(ours(major, TransportConfig::default()).await).await;
    caller.send(&request).await;
    caller.hear(NO_HANDLER).await;
    caller.ping().await;
}

async fn unserialisable(major: u8) {
    let request = r#"{"pattern":"big-int","data":0,"id":1}"#;
    let mut nest = nests(major, &[]).await;
    let mut caller = Caller::of(nest.address()).await;
    caller.say(request).await;
    if major < 12 {
        assert!(!in_time(nest.ended()).await.expect("it ends").success());
    } else {
        // No reply is sent and the caller waits, while two further requests are answered first.
        caller.ping().await;
        caller.ping().await;
        assert!(nest.log().contains("Do not know how to serialize a BigInt"));
    }

    let mut caller = Caller::of(ours(major, TransportConfig::default()).await).await;
    caller.say(request).await;
    caller
        .hear(r#"{"err":{"status":"error","message":"Internal server error"},"isDisposed":true,"id":1}"#)
        .await;
    caller.ping().await;
}

/// The handler is declared with `@MessagePattern(['this', 'that'])`.
async fn array(major: u8) {
    let nest = nests(major, &[]).await;
    let mut caller = Caller::of(nest.address()).await;
    let either = r#"{"response":"either","isDisposed":true,"id":1}"#;
    let (alone, together) = if major < 9 {
        (NO_HANDLER, either)
    } else {
        (either, NO_HANDLER)
    };
    for (pattern, reply) in [
        (r#""this""#, alone),
        (r#""that""#, alone),
        (r#"["this","that"]"#, together),
    ] {
        caller.say(&format!(r#"{{"pattern":{pattern},"data":0,"id":1}}"#)).await;
        caller.hear(reply).await;
    }
}

/// Our fallback declines, so that patterns without a handler in Nest are compared too.
async fn no_plain_text(major: u8) {
    let nest = nests(major, &[]).await;
    let rust = ours(major, TransportConfig::default()).await;
    for service in [nest.address(), rust] {
        let mut caller = Caller::of(service).await;
        let value = |value: &str| format!(r#"{{"response":"{value}","isDisposed":true,"id":1}}"#);
        caller.say(r#"{"data":0,"id":1}"#).await;
        caller.hear(&value("none")).await;
        for (pattern, reply) in [
            (r#""1.50""#, value("number 1.5")),
            (r#""1.5""#, value("number 1.5")),
            (r#""\"1.50\"""#, value("text 1.50")),
            (r#""true""#, NO_HANDLER.to_owned()),
            ("true", NO_HANDLER.to_owned()),
            (r#""\"true\"""#, value("text true")),
            (r#""null""#, NO_HANDLER.to_owned()),
            ("null", NO_HANDLER.to_owned()),
            (r#""\"null\"""#, value("text null")),
            (r#""undefined""#, NO_HANDLER.to_owned()),
        ] {
            caller.say(&format!(r#"{{"pattern":{pattern},"data":0,"id":1}}"#)).await;
            caller.hear(&reply).await;
        }
    }
}

async fn several(major: u8) {
    let nest = nests(major, &[]).await;
    let rust = ours(major, TransportConfig::default()).await;
    let value = |value: &str| format!(r#"{{"response":{value},"isDisposed":true,"id":1}}"#);
    let error =
        |message: &str| format!(r#"{{"err":{{"status":"error","message":"{message}"}},"isDisposed":true,"id":1}}"#);
    let undefined = || r#"{"isDisposed":true,"id":1}"#.to_owned();
    let (two, three, some, failing, mixed) = match major {
        // The last handler replaces all before it.
        7 => (value(r#""B""#), value(r#""C""#), undefined(), error("B"), undefined()),
        8 => (
            value(r#""A""#),
            value(r#""A""#),
            value(r#""A""#),
            value(r#""A""#),
            value(r#""message""#),
        ),
        _ => (
            value(r#"{"current":"A","next":"B"}"#),
            value(r#"{"current":"A","next":{"current":null,"next":"C"}}"#),
            value(r#"{"current":"A"}"#),
            error("B"),
            value(r#""message""#),
        ),
    };
    let http_error = error("Internal server error");
    let replies = [
        ("two", two),
        ("three", three),
        ("some", some),
        ("failing", failing),
        ("mixed", mixed),
        ("http-error", http_error),
    ];
    for service in [nest.address(), rust] {
        let mut caller = Caller::of(service).await;
        for (pattern, reply) in &replies {
            caller
                .say(&format!(r#"{{"pattern":"{pattern}","data":0,"id":1}}"#))
                .await;
            caller.hear(reply).await;
        }
    }
    let expected = if major == 7 { "event" } else { "message" };
    assert_eq!(nest.into_output().await.expect("ended"), [expected]);
}
