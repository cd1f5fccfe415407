//! Node's `Buffer` and JavaScript's `Date` as payloads and replies, and replies of common Rust
//! types.

use std::{sync::Arc, time::SystemTime};

use nest_wire::{
    json::{self, Buffer, Date},
    server::{Payload, Reply, Router, reply::IntoReply},
};

use crate::support::converse;

#[tokio::test(start_paused = true)]
async fn handlers_read_and_answer_buffers_and_dates() {
    let router = Router::new()
        .message("b", async |Payload(bytes): Payload<Buffer>| bytes)
        .message("d", async |Payload(date): Payload<Option<Date>>| date);
    converse(router, async |mut peer| {
        peer.say(r#"{"pattern":"b","data":{"data":[0,2.0,255],"type":"Buffer"},"id":1}"#)
            .await;
        peer.hear(r#"{"response":{"type":"Buffer","data":[0,2,255]},"isDisposed":true,"id":1}"#)
            .await;
        peer.say(r#"{"pattern":"d","data":"2026-11-25T00:00:00.000Z","id":2}"#)
            .await;
        peer.hear(r#"{"response":"2026-11-25T00:00:00.000Z","isDisposed":true,"id":2}"#)
            .await;
        peer.say(r#"{"pattern":"d","data":null,"id":3}"#).await;
        peer.hear(r#"{"response":null,"isDisposed":true,"id":3}"#).await;
    })
    .await
    .expect("served");
}

#[test]
fn what_is_no_buffer_is_refused() {
    for text in [
        r#"{"type":"Buffer","data":[256]}"#,
        r#"{"type":"Buffer","data":[-1]}"#,
        r#"{"type":"Buffer","data":[1.5]}"#,
        r#"{"type":"Buffer","data":"aGk="}"#,
        r#"{"type":"Buffer"}"#,
        r#"{"type":"Array","data":[1]}"#,
        r#"{"data":[1]}"#,
        r#"{"0":104}"#,
        "[1]",
        "null",
    ] {
        assert!(json::from_str::<Buffer>(text).is_err(), "{text}");
    }
}

/// Each pair is `new Date(millis).toJSON()` of Node 20.
const DATES: &[(i64, &str)] = &[
    (0, "1970-01-01T00:00:00.000Z"),
    (-1, "1969-12-31T23:59:59.999Z"),
    (951_782_400_000, "2000-02-29T00:00:00.000Z"),
    (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
    (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
    (253_402_300_800_000, "+010000-01-01T00:00:00.000Z"),
    (-62_167_219_200_000, "0000-01-01T00:00:00.000Z"),
    (-62_167_219_200_001, "-000001-12-31T23:59:59.999Z"),
    (8_640_000_000_000_000, "+275760-09-13T00:00:00.000Z"),
    (-8_640_000_000_000_000, "-271821-04-20T00:00:00.000Z"),
];

#[test]
fn dates_are_spelled_as_javascript_spells_them() {
    for &(millis, text) in DATES {
        let date = Date::from_timestamp_millis(millis).expect("in range");
        assert_eq!(date.to_string(), text);
        assert_eq!(text.parse(), Ok(date));
        let time = SystemTime::try_from(date).expect("a time of this system");
        assert_eq!(Date::try_from(time), Ok(date));
    }
    assert_eq!(Date::from_timestamp_millis(8_640_000_000_000_001), None);
    assert_eq!(Date::from_timestamp_millis(i64::MIN), None);
}

#[test]
fn what_is_no_date_is_refused() {
    for text in [
        "",
        "Invalid Date",
        "2026-02-29T00:00:00.000Z",
        "2026-13-01T00:00:00.000Z",
        "2026-01-01T24:00:00.000Z",
        "2026-01-01T00:00:60.000Z",
        "2026-01-01T00:00:00.000",
        "2026-01-01T00:00:00.000Z ",
        "2026-01-01T00:00:00.\u{e9}0Z",
        "-000000-01-01T00:00:00.000Z",
        "+275760-09-13T00:00:00.001Z",
        "+999999-99-99T99:99:99.999Z",
        "\u{20ac}\u{20ac}",
    ] {
        assert!(text.parse::<Date>().is_err(), "{text}");
    }
}

#[test]
fn answers_are_arrays_tuples_characters_and_pointers() {
    let map = serde_json::Map::from_iter([("a".to_owned(), 1.into())]);
    assert_answer([1, 2], "[1,2]");
    assert_answer((1, "a", true), r#"[1,"a",true]"#);
    assert_answer((1.0,), "[1]");
    assert_answer('\u{e9}', "\"\u{e9}\"");
    assert_answer(Box::new(u64::MAX), "18446744073709551615");
    assert_answer(Arc::<str>::from("a"), r#""a""#);
    assert_answer(map, r#"{"a":1}"#);
}

fn assert_answer(answer: impl IntoReply, expected: &str) {
    match answer.into_reply() {
        Reply::Value(json) => assert_eq!(json.as_str(), expected),
        other => panic!("{other:?} for {expected}"),
    }
}
