use std::{borrow::Cow, collections::HashMap};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::{self, from_str};

#[test]
fn whole_numbers_are_integers_however_they_are_spelled() {
    assert_eq!(
        from_str::<Vec<u64>>("[1.0, 1e3, -0, 7, 1E+2, 0.0, 10e-1]").expect("numbers"),
        [1, 1000, 0, 7, 100, 0, 1]
    );
    assert_eq!(
        from_str::<(i8, i128, u128)>("[-1.0, -1e3, 1e30]").expect("numbers"),
        (-1, -1000, 1e30 as u128)
    );
    for text in ["1.5", "1e400", "256.0", "-1.0", "1e-7"] {
        from_str::<u8>(text).expect_err(text);
    }
}

#[test]
fn floats_are_javascripts() {
    assert_eq!(
        from_str::<[f64; 2]>("[1e400, -1e999]").expect("numbers"),
        [f64::INFINITY, f64::NEG_INFINITY]
    );
    assert!(
        from_str::<(f64, u8)>("[-0, 1.0]")
            .expect("numbers")
            .0
            .is_sign_negative()
    );
    assert_eq!(
        from_str::<f64>(&format!("1{}", "0".repeat(400))).expect("a number"),
        f64::INFINITY
    );
}

#[test]
fn a_lone_surrogate_is_a_replacement_character() {
    assert_eq!(from_str::<String>(r#""text \ud83d""#).expect("a text"), "text \u{FFFD}");
    assert_eq!(
        from_str::<String>(r#""\ude00\ud83d\ude00\uD800x""#).expect("a text"),
        "\u{FFFD}😀\u{FFFD}x"
    );
    let map: HashMap<String, char> = from_str(r#"{"a\ud83d":"\ud83d"}"#).expect("a map");
    assert_eq!(map["a\u{FFFD}"], '\u{FFFD}');
}

#[derive(Debug, PartialEq, Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    count: Option<u32>,
}

#[test]
fn the_last_of_equal_keys_counts() {
    let item: Item<'_> =
        from_str(r#"{"count":"x","name":"a","c\u006funt":[{}], "count":2, "name":"b"}"#).expect("an item");
    assert_eq!(item.count, Some(2));
    assert_eq!(item.name, "b");
    let map: HashMap<u64, u8> = from_str(r#"{"1":"x","2":3,"1":2}"#).expect("a map");
    assert_eq!(map, HashMap::from([(1, 2), (2, 3)]));
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(tag = "kind")]
enum Shape {
    Square { side: u32 },
    Text { text: String },
}

#[derive(Debug, PartialEq, Deserialize)]
enum Action {
    Stop,
    Go(u32),
    Turn { by: i32 },
    Both(u8, u8),
}

#[test]
fn every_kind_of_enum_is_read() {
    let shape: Shape = from_str(r#"{"kind":"Text","side":1,"kind":"Square","side":2.0}"#).expect("a shape");
    assert_eq!(shape, Shape::Square { side: 2 });
    let shape: Shape = from_str(r#"{"text":"\ud800","kind":"Text"}"#).expect("a shape");
    assert_eq!(
        shape,
        Shape::Text {
            text: "\u{FFFD}".to_owned()
        }
    );
    let actions: Vec<Action> =
        from_str(r#"["Stop", {"Stop":null}, {"Go":1,"Go":2.0}, {"Turn":{"by":-1e1}}, {"Both":[1.0,2]}]"#)
            .expect("actions");
    let expected = [
        Action::Stop,
        Action::Stop,
        Action::Go(2),
        Action::Turn { by: -10 },
        Action::Both(1, 2),
    ];
    assert_eq!(actions, expected);
    for text in [
        r#"{"Go":1.0,"Stop":null}"#,
        r#"{"a":1,"a":2}"#,
        r#""Go\ud800""#,
        "1.0",
        "{}",
    ] {
        from_str::<Action>(text).expect_err(text);
    }
    from_str::<Vec<Action>>(r#"["Go", 1.0]"#).expect_err("no content");
}

#[test]
fn text_itself_stays_exact() {
    #[derive(Deserialize)]
    struct Envelope {
        count: u32,
        value: json::Value,
        raw: Box<RawValue>,
    }
    let text = r#"{"count":1.0,"value":"\ud83d","raw":{"a": 1.0,"a":"\ud83d"}}"#;
    let envelope: Envelope = from_str(text).expect("an envelope");
    assert_eq!(envelope.count, 1);
    assert_eq!(envelope.value.stringify(), r#""\ud83d""#);
    assert_eq!(envelope.raw.get(), r#"{"a": 1.0,"a":"\ud83d"}"#);
}

#[test]
fn strings_are_borrowed_where_they_can_be() {
    let text = r#"{"name":"plain","count":1e0}"#;
    let item: Item<'_> = from_str(text).expect("an item");
    assert!(matches!(item.name, Cow::Borrowed("plain")));
    assert_eq!(
        from_str::<(&str, u8)>(r#"["plain",1.0]"#).expect("a pair"),
        ("plain", 1)
    );
}

#[test]
fn depth_is_refused_in_words_and_ignored_parts_may_be_deeper() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let error = from_str::<serde_json::Value>(&nested(128)).expect_err("too deep");
    assert_eq!(error.to_string(), "nested deeper than 127 levels at line 1 column 127");
    let deep = format!(r#"{{"other":{},"name":"a","count":1.0}}"#, nested(1_000_000));
    assert_eq!(from_str::<Item<'_>>(&deep).expect("an item").count, Some(1));
}

#[test]
fn what_is_no_json_or_does_not_fit_is_refused() {
    for text in [
        "",
        "[1.0",
        "[1.0}",
        "{\"a\":1.0,}",
        "[1.0,]",
        "[1.0] 1",
        "[1.0,,1]",
        "[01.0]",
        "[\"\\ud8\"]",
        "{\"a\" 1.0}",
    ] {
        from_str::<serde_json::Value>(text).expect_err(text);
    }
    from_str::<(u8, u8)>("[1.0,2,3]").expect_err("one too many");
    let error = from_str::<Vec<u8>>("[1.0,\n \"x\"]").expect_err("a text");
    assert_eq!(
        error.to_string(),
        r#"invalid type: string "x", expected u8 at line 2 column 4"#
    );
}
