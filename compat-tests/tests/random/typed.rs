//! Rust types read the values of `JSON.parse`: strings with half surrogate pairs, numbers in any
//! spelling, equal keys, infinities.

use std::collections::BTreeMap;

use nest_wire::json;
use nest_wire_harness::App;
use proptest::{collection::vec, prelude::*};
use serde::Deserialize;

use crate::{
    cases::{Cases, Difference},
    numbers::number,
    peers::Oracle,
    texts::string,
};

const CASES: usize = 20_000;
const AT_ONCE: usize = 1_000;

#[tokio::test]
async fn a_type_sees_what_json_parse_gives() {
    let mut oracle = Oracle::start(App::Typed, 12).await;
    Cases::new(CASES, object())
        .run(AT_ONCE, async |texts| {
            let answers = oracle.ask(texts).await;
            let mut pairs = texts.iter().zip(answers).enumerate();
            pairs.find_map(|(at, (text, nest))| {
                let ours = seen(text, &nest);
                (ours != nest).then(|| Difference {
                    at,
                    input: text.clone(),
                    nest,
                    ours,
                })
            })
        })
        .await;
}

/// Makes an object whose members are in any order, some of them several times.
fn object() -> BoxedStrategy<String> {
    let whole = (-2000..2000i32, 0..4usize).prop_map(|(number, form)| match form {
        0 => format!("{number}.0"),
        1 => format!("{number}e0"),
        2 => format!("{number}.00E+1"),
        _ => number.to_string(),
    });
    let counts = vec((string(), number()), 0..4).prop_map(|members| {
        let members: Vec<_> = members.iter().map(|(key, value)| format!("{key}:{value}")).collect();
        format!("{{{}}}", members.join(","))
    });
    let member = prop_oneof![
        string().prop_map(|value| format!(r#""name":{value}"#)),
        prop_oneof![whole, number()].prop_map(|value| format!(r#""count":{value}"#)),
        number().prop_map(|value| format!(r#""r\u0061tio" : {value}"#)),
        counts.clone().prop_map(|value| format!(r#""counts":{value}"#)),
    ];
    let last = (string(), number(), number(), counts).prop_map(|(name, count, ratio, counts)| {
        format!(r#""name":{name},"count":{count},"ratio":{ratio},"counts":{counts}"#)
    });
    (vec(member, 0..4), last)
        .prop_map(|(mut members, last)| {
            members.push(last);
            format!("{{{}}}", members.join(","))
        })
        .boxed()
}

/// The members that are valid for every text.
#[derive(Deserialize)]
struct Seen {
    name: String,
    ratio: f64,
    counts: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
struct Counted {
    count: i64,
}

/// Returns what a Rust type reads, in the oracle's format.
fn seen(text: &str, nest: &str) -> String {
    let seen: Seen = match json::from_str(text) {
        Ok(seen) => seen,
        Err(error) => return error.to_string(),
    };
    let count = json::from_str::<Counted>(text).map(|counted| counted.count);
    let is_safe = !nest.contains(",null,\"");
    let count = match count {
        Ok(count) if is_safe => Some(count.to_string()),
        Err(error) if is_safe => return error.to_string(),
        _ => None,
    };
    let counts = seen
        .counts
        .iter()
        .map(|(key, value)| (key, json::number_to_string(*value)));
    let counts = (!nest.ends_with(",null]")).then(|| counts.collect::<Vec<_>>());
    let all = (seen.name, count, json::number_to_string(seen.ratio), counts);
    serde_json::to_string(&all).expect("texts")
}
