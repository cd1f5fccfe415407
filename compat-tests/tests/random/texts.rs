//! JSON texts with all the freedom of the grammar, and texts that are nearly JSON.

use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
};

use crate::numbers::number;

/// Pieces of strings, as they stand between the quotes.
#[rustfmt::skip]
const PIECES: &[&str] = &[
    "a", "Z", "0", " ", "#", "/", "'", "{", "]", ",", "é", "求", "😀", "\u{7f}", "\u{80}", "\u{a0}", "\u{2028}",
    "\u{feff}", "\u{fffd}", "\u{ffff}", "\u{10ffff}", "e\u{301}", r#"\""#, r"\\", r"\/", r"\b", r"\f", r"\n", r"\r",
    r"\t", r"\u0000", r"\u001F", r"\u0022", r"\u005c", r"\u007F", r"\u0041", r"\u00e9", r"\u2028", r"\uD83D\uDE00",
    r"\ud83d", r"\uDE00", r"\uD800", r"\uDFFF", r"\udc00\ud800", r"\ud83d\u0041", r"\ud83d\ud83d\ude00",
];

/// Keys that JavaScript puts first, keys that it nearly does, and keys with a meaning to it or to
/// Nest.
#[rustfmt::skip]
const KEYS: &[&str] = &[
    "0", "1", "2", "10", "9", "01", "-1", "-0", "1.5", "1e3", " 1", "", "4294967294", "4294967295", "4294967296",
    "9007199254740993", r"\u0031", r"1\u0030", "__proto__", r"__proto\u005f_", "constructor", "toString", "toJSON",
    "length", "then", "subscribe", "id", "response", "err", "isDisposed", "status", "data", "pattern", "a", "b", "A",
];

/// Pieces for mutants: tokens of JSON and of other grammars.
#[rustfmt::skip]
const INTRUDERS: &[&str] = &[
    "", "", ",", ":", "{", "}", "[", "]", "\"", "\\", "0", "1", "-", "+", ".", "e", "E", "tru", "null", "NaN", "u",
    "\\x41", "\\u12", "'", "//", "/**/", " ", "\n", "\0", "\x0b", "\x1f", "\u{a0}", "\u{feff}", "\u{2028}", "\u{85}",
];

/// Makes a JSON text.
pub(crate) fn json() -> BoxedStrategy<String> {
    let text = prop_oneof![30 => scalar(), 70 => nested(), 1 => deep()];
    (space(), text, space())
        .prop_map(|(before, text, after)| format!("{before}{text}{after}"))
        .boxed()
}

/// Makes a text that is JSON or nearly so.
pub(crate) fn nearly_json() -> BoxedStrategy<String> {
    let intruder = (any::<Index>(), 0..3usize, select(INTRUDERS));
    let mutant = (json(), vec(intruder, 1..3)).prop_map(|(text, intruders)| {
        let mutate = |text: String, (at, length, intruder): (Index, usize, &str)| {
            let mut characters: Vec<char> = text.chars().collect();
            let start = at.index(characters.len() + 1);
            let end = characters.len().min(start + length);
            characters.splice(start..end, intruder.chars());
            characters.into_iter().collect()
        };
        intruders.into_iter().fold(text, mutate)
    });
    prop_oneof![5 => json(), 1 => mutant].boxed()
}

fn scalar() -> BoxedStrategy<String> {
    let word = select(&["null", "true", "false"][..]).prop_map(str::to_owned);
    prop_oneof![1 => word, 3 => number(), 3 => string()].boxed()
}

/// Makes a string with its quotes.
pub(crate) fn string() -> BoxedStrategy<String> {
    let unit = (any::<u16>(), any::<bool>()).prop_map(|(unit, upper)| match upper {
        true => format!("\\u{unit:04X}"),
        false => format!("\\u{unit:04x}"),
    });
    let character = any::<char>().prop_map(|character| match character {
        '\0'..='\x1f' | '"' | '\\' => "?".to_owned(),
        _ => character.to_string(),
    });
    let piece = prop_oneof![6 => select(PIECES).prop_map(str::to_owned), 1 => unit, 1 => character];
    vec(piece, 0..8)
        .prop_map(|pieces| format!("\"{}\"", pieces.concat()))
        .boxed()
}

fn key() -> impl Strategy<Value = String> {
    let named = select(KEYS).prop_map(|key| format!("\"{key}\""));
    let index = any::<u32>().prop_map(|index| format!("\"{index}\""));
    prop_oneof![4 => named, 1 => index, 2 => string()]
}

fn nested() -> BoxedStrategy<String> {
    let containers = scalar().prop_recursive(5, 24, 7, |inner| {
        let element =
            (space(), inner.clone(), space()).prop_map(|(before, value, after)| format!("{before}{value}{after}"));
        let member = (space(), key(), space(), element.clone())
            .prop_map(|(before, key, after, value)| format!("{before}{key}{after}:{value}"));
        let within = |items: Vec<String>, blank: &str| match items.is_empty() {
            true => blank.to_owned(),
            false => items.join(","),
        };
        prop_oneof![
            2 => (vec(element, 0..7), space()).prop_map(move |(all, blank)| format!("[{}]", within(all, blank))),
            3 => (vec(member, 0..7), space()).prop_map(move |(all, blank)| format!("{{{}}}", within(all, blank))),
        ]
    });
    containers.boxed()
}

/// Makes texts nested far deeper than handwritten ones, but not so deep that Node could not write
/// them back.
fn deep() -> impl Strategy<Value = String> {
    #[rustfmt::skip]
    const KINDS: &[(&str, &str)] = &[("[", "]"), ("{\"a\":", "}"), ("[0,", ",{}]"), ("{\"1\":[],\"__proto__\":", "}")];
    (vec(select(KINDS), 1..3), 10..800usize, scalar()).prop_map(|(kinds, depth, innermost)| {
        let levels = kinds.iter().cycle().take(depth);
        let (opened, closed): (Vec<_>, Vec<_>) = levels.copied().unzip();
        let closed: String = closed.into_iter().rev().collect();
        opened.concat() + &innermost + &closed
    })
}

fn space() -> impl Strategy<Value = &'static str> + Clone {
    prop_oneof![12 => Just(""), 1 => select(&[" ", "  ", "\t", "\n", "\r\n", "\r", " \n\t"][..])]
}
