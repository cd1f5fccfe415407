//! The order of an object's keys in its route: `localeCompare`, in the locale `en-US`.
//!
//! Nest uses the locale of the process, and Node uses `en-US` unless `LANG` specifies another. Keys
//! that compare as equal without being identical (`é` as one character or as two) keep their order,
//! so a sort by this comparison must be stable.
//!
//! The order is the same as Node's except for three kinds of keys. Han characters are sorted by
//! code point here, and by radical and strokes in Node, which differs for two pairs in a thousand
//! of the common block. Characters too new for the Unicode version of one side are unassigned on
//! that side. Lone surrogates may be ordered differently relative to private-use characters.
//! Handlers are found nevertheless, because each side sorts the keys it receives by its own order.
//! The exception is an event with a route that is not JSON itself, which Nest compares as received.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::OnceLock;

use icu_collator::options::CollatorOptions;
use icu_collator::{Collator, CollatorBorrowed};
use icu_locale_core::locale;

use crate::json::JsString;

/// Returns the order of two keys by JavaScript's `left.localeCompare(right)`.
pub(super) fn compare(left: &JsString, right: &JsString) -> Ordering {
    match (left.as_str(), right.as_str()) {
        (Some(left), Some(right)) if is_plain(left) && is_plain(right) => left.cmp(right),
        _ => collator().compare(&assigned(left), &assigned(right)),
    }
}

/// Returns true if a key consists only of `0` to `9` and `a` to `z`; such keys compare by their
/// bytes.
///
/// English uses CLDR's root collation unchanged. In that collation each of these characters has one
/// collation element, and none of them begins a contraction with another. On the secondary and
/// tertiary level these elements are all equal, so the primary level decides: character by
/// character, with a key before any longer key that it begins. On that level the digits ascend,
/// then the letters ascend, as in ASCII.
fn is_plain(key: &str) -> bool {
    key.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'z'))
}

/// Returns a key in the form that the collator accepts, with other characters in place of lone
/// surrogates.
///
/// In Node's ICU a lone surrogate is an unassigned code point; these sort by number after all
/// scripts. In this crate's ICU it is U+FFFD. The first 2,048 private-use characters are the next
/// code points of that kind, so replacing the surrogates by them changes no order except relative
/// to these characters.
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
