//! The order of an object's keys in its route: `localeCompare`, in the locale `en-US`.
//!
//! Nest leaves the locale to the process, and Node takes `en-US` unless `LANG` says otherwise.
//! Keys that compare as equal without being the same (`é` as one character or as two) stay in the
//! order they had, so a sort by this has to be stable.
//!
//! The order is Node's but for three kinds of keys. Han characters are sorted by code point here
//! and by radical and strokes there, which differs for two pairs in a thousand of the common
//! block. Characters too new for one side's Unicode are unassigned to it. And lone surrogates may
//! stand the wrong way round to private characters. Handlers are found all the same, since each
//! side sorts what it receives by its own order; except by an event whose route is no JSON itself,
//! which Nest compares as it came.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::OnceLock;

use icu_collator::options::CollatorOptions;
use icu_collator::{Collator, CollatorBorrowed};
use icu_locale_core::locale;

use crate::json::JsString;

/// How JavaScript's `left.localeCompare(right)` orders two keys.
pub(super) fn compare(left: &JsString, right: &JsString) -> Ordering {
    match (left.as_str(), right.as_str()) {
        (Some(left), Some(right)) if is_plain(left) && is_plain(right) => left.cmp(right),
        _ => collator().compare(&assigned(left), &assigned(right)),
    }
}

/// Returns true if a key consists of `0` to `9` and `a` to `z` alone; such keys compare as their
/// bytes do.
///
/// English takes its order from CLDR's root collation unchanged. There each of these characters
/// has one collation element of its own, and none of them begins a contraction with another. On
/// the secondary and tertiary level these elements are all alike, so the primary level decides:
/// character by character, a key before the longer ones that it begins. There the digits ascend
/// before the letters and the letters ascend, as in ASCII.
fn is_plain(key: &str) -> bool {
    key.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'z'))
}

/// Returns a key as the collator can take it, with characters for lone surrogates.
///
/// To Node's ICU a lone surrogate is an unassigned code point, which all sort by number behind the
/// scripts; to ours it is U+FFFD. The first 2,048 private characters are the next such code points
/// there are, so to move the surrogates there changes no order but the one to these themselves.
fn assigned(key: &JsString) -> Cow<'_, str> {
    let moved = |lone| char::from_u32(u32::from(lone) + 0x800).expect("U+E000 to U+E7FF");
    match key.as_str() {
        Some(text) => Cow::Borrowed(text),
        None => key.chars().map(|character| character.unwrap_or_else(moved)).collect(),
    }
}

fn collator() -> &'static CollatorBorrowed<'static> {
    static COLLATOR: OnceLock<CollatorBorrowed<'static>> = OnceLock::new();
    COLLATOR.get_or_init(|| {
        Collator::try_new(locale!("en-US").into(), CollatorOptions::default())
            .expect("the data for English is compiled in")
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn plain_keys_compare_as_the_collator_has_it(left in "[a-z0-9]{0,6}", right in "[a-z0-9]{0,6}") {
            let plain = compare(&JsString::from(left.as_str()), &JsString::from(right.as_str()));
            prop_assert_eq!(plain, collator().compare(&left, &right));
        }
    }
}
