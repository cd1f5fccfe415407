//! Patterns and their routes, under the rules of every major.
//!
//! The cases leave out what `docs/PROTOCOL.md` §8.6 lists: Han characters, code points without a
//! character (all blocks here are full), and U+E000 to U+E7FF, whose order relative to lone
//! surrogates may differ.

use std::ops::RangeInclusive;

use compat_tests::on_each_major;
use nest_wire::{
    Compat,
    pattern::{IncomingPattern, Pattern, Route},
};
use nest_wire_harness::App;
use proptest::{collection::vec, prelude::*, sample::select};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    cases::{Cases, Difference},
    numbers::number,
    peers::Oracle,
};

const CASES: usize = 20_000;
const AT_ONCE: usize = 1_000;

on_each_major!(any_pattern_has_the_routes_that_it_has_in, routes_are_the_same);
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
compat_tests::on_each_node!(any_pattern_has_the_routes_that_it_has_on, routes_are_the_same_on);

async fn routes_are_the_same(major: u8) {
    compare(major, async || Oracle::start(App::Route, major).await).await;
}

/// The order of keys comes from Node's ICU, whose version differs between versions of Node.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
async fn routes_are_the_same_on(node: compat_tests::Node) {
    let harness = crate::peers::harness(&[12]).await;
    compare(12, async || Oracle::spawn(node.command(&harness, App::Route))).await;
}

/// Compares routes. A different answer is requested again from a new process: after some 14,000
/// texts, `JSON.parse` of Node 24 and 26 loses a key of a text that a new process parses correctly.
async fn compare(major: u8, start: impl AsyncFn() -> Oracle) {
    let mut oracle = start().await;
    let compat = Compat::from_major(major).expect("all majors are known");
    Cases::from_major(major, CASES, pattern())
        .run(AT_ONCE, async |patterns| {
            let answers = oracle.ask(patterns).await;
            for (at, (text, answer)) in patterns.iter().zip(answers).enumerate() {
                if difference(at, text, &answer, compat).is_none() {
                    continue;
                }
                let again = start().await.ask(std::slice::from_ref(text)).await;
                let different = difference(at, text, &again[0], compat);
                if different.is_some() {
                    return different;
                }
            }
            None
        })
        .await;
}

/// The oracle's answer, each part as JSON text.
#[derive(Deserialize)]
struct Routes {
    registered: Box<RawValue>,
    incoming: Box<RawValue>,
}

fn difference(at: usize, text: &str, answer: &str, compat: Compat) -> Option<Difference> {
    let routes: Routes = serde_json::from_str(answer).expect("the oracle answers in its format");
    let nest = (routes.registered.get(), routes.incoming.get());
    let registered = Pattern::from_json(text).expect("it is JSON").route(compat).to_json();
    let incoming = IncomingPattern::read(text, compat).expect("it is JSON");
    let incoming = incoming.route().map_or_else(|| "nothing".to_owned(), Route::to_json);
    let is_same = nest == (&registered, &incoming);
    (!is_same).then(|| Difference {
        at,
        input: text.to_owned(),
        nest: format!("registered {}, incoming {}", nest.0, nest.1),
        ours: format!("registered {registered}, incoming {incoming}"),
    })
}

/// Returns the JSON text of a pattern, on one line: a scalar, an object, an array, or a string that
/// spells one of these.
fn pattern() -> impl Strategy<Value = String> {
    let object = nested();
    let spelled =
        prop_oneof![3 => nested(), 2 => number(), 1 => scalar(), 1 => select(SPELLINGS).prop_map(str::to_owned)];
    let as_string = (
        select(&["", "", "", " ", "\t", "\n", "\u{a0}"][..]),
        spelled,
        select(&["", "", " ", "x"][..]),
    )
        .prop_map(|(before, text, after)| quoted(&format!("{before}{text}{after}")));
    prop_oneof![1 => scalar(), 5 => object, 3 => as_string]
}

/// Texts that are JSON, or nearly JSON.
#[rustfmt::skip]
const SPELLINGS: &[&str] = &[
    "true", "false", "null", "tru", "nulll", "NaN", "[", "{}", "[]", "{\"a\":1,}", "'a'", "1.", ".5", "0x1b", "01",
];

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a string is JSON")
}

fn scalar() -> BoxedStrategy<String> {
    let word = select(&["null", "true", "false"][..]).prop_map(str::to_owned);
    prop_oneof![1 => word, 3 => number(), 6 => text(0..6)].boxed()
}

fn nested() -> BoxedStrategy<String> {
    let leaf = prop_oneof![25 => scalar(), 1 => many()];
    let containers = leaf.prop_recursive(7, 30, 6, |inner| {
        let member = (text(0..4), inner.clone()).prop_map(|(key, value)| format!("{key}:{value}"));
        let chain = (vec(text(0..2), 2..8), inner.clone()).prop_map(|(keys, innermost)| {
            let around = |value: String, key: String| format!("{{{key}:{value}}}");
            keys.into_iter().fold(innermost, around)
        });
        prop_oneof![
            1 => chain,
            1 => vec(inner, 1..6).prop_map(|elements| format!("[{}]", elements.join(","))),
            5 => vec(member, 1..8).prop_map(|members| format!("{{{}}}", members.join(", "))),
        ]
    });
    containers.boxed()
}

/// Makes patterns with about as many keys as Nest 11 rejects.
fn many() -> impl Strategy<Value = String> {
    let member = (text(1..3), any::<bool>()).prop_map(|(key, value)| format!("{key}:{value}"));
    let object = vec(member, 17..26).prop_map(|members| format!("{{{}}}", members.join(",")));
    let array = vec(any::<bool>(), 19..23).prop_map(|elements| {
        format!(
            "[{}]",
            elements.iter().map(bool::to_string).collect::<Vec<_>>().join(",")
        )
    });
    prop_oneof![object, array]
}

/// Makes a string of characters with special sort orders, with its quotes.
fn text(length: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    let characters: u32 = BLOCKS.iter().map(|block| block.end() - block.start() + 1).sum();
    let character = (0..characters).prop_map(|which| {
        let quoted = quoted(&character(which).to_string());
        quoted[1..quoted.len() - 1].to_owned()
    });
    let plain = select(&["a", "b", "c", "A", "B", "C", "0", "1", "2"][..]).prop_map(str::to_owned);
    // Never a high surrogate before a low one: as a pair they may be a code point without a
    // character.
    let surrogate =
        (0xD800..=0xDFFFu32, select(&["a", "-"][..])).prop_map(|(unit, next)| format!("\\u{unit:04x}{next}"));
    let special = select(
        &[
            "_", "-", " ", ".", "'", r#"\""#, r"\\", r"\n", r"\u0000", "\u{ad}", "e\u{301}", "ch",
        ][..],
    );
    let piece = prop_oneof![
        12 => plain,
        4 => special.prop_map(str::to_owned),
        5 => character,
        1 => surrogate,
    ];
    vec(piece, length).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

/// Blocks of Unicode in which each code point has long had a character.
const BLOCKS: &[RangeInclusive<u32>] = &[
    0x00..=0x7F,
    0x80..=0x24F,
    0x250..=0x2FF,
    0x300..=0x36F,
    0x3A3..=0x3FF,
    0x400..=0x52F,
    0x5D0..=0x5EA,
    0x620..=0x6FF,
    0x904..=0x939,
    0xE01..=0xE3A,
    0x1E00..=0x1EFF,
    0x2010..=0x205E,
    0x20A0..=0x20BF,
    0x2190..=0x23FF,
    0x2500..=0x27BF,
    0x3041..=0x3096,
    0x30A1..=0x30FF,
    0xAC00..=0xD7A3,
    0xE800..=0xF8FF,
    0xFE00..=0xFE0F,
    0xFF01..=0xFF9F,
    0xFFFC..=0xFFFF,
    0x1D400..=0x1D454,
    0x1F300..=0x1F64F,
    0x10FFF0..=0x10FFFF,
];

/// Returns the character of [`BLOCKS`] with this number.
fn character(which: u32) -> char {
    let mut rest = which;
    let code = BLOCKS.iter().find_map(|block| {
        let code = block.start() + rest;
        rest = rest.saturating_sub(block.end() - block.start() + 1);
        block.contains(&code).then_some(code)
    });
    code.and_then(char::from_u32).expect("the blocks hold characters only")
}
