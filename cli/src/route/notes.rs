//! What a route does not show: limits, arrays, and keys that Node may sort otherwise
//! (`docs/PROTOCOL.md` §5.2, §7, §8.6).

use nest_wire::{Compat, Pattern, json::Value};

/// Returns what should be known about these patterns.
pub(super) fn notes(patterns: &[&Pattern], compat: Compat) -> Vec<String> {
    let mut notes = Vec::new();
    let mut add = |note: &str| {
        if !notes.iter().any(|known| known == note) {
            notes.push(note.to_owned());
        }
    };
    for pattern in patterns {
        let route = pattern.route(compat).to_string();
        let is_object = matches!(pattern.value(), Value::Object(_) | Value::Array(_));
        if is_object && route.contains("[MAX_DEPTH_REACHED]") {
            add("an object within more than five others is [MAX_DEPTH_REACHED], and all such patterns meet");
        }
        if is_object && route.contains("[TOO_MANY_KEYS]") {
            add("an object with more than 20 keys is [TOO_MANY_KEYS], and all such patterns meet");
        }
        if matches!(pattern.value(), Value::Array(_)) {
            add("an array given to @MessagePattern is one pattern to Nest 7 and 8, and several to Nest 9 and later");
        }
        if has_ideographs_to_sort(pattern.value()) {
            add("Node may sort keys of Chinese, Japanese or Korean characters otherwise, which matters for events");
        }
    }
    notes
}

/// Returns true if an object has several keys and one of them has an ideograph.
fn has_ideographs_to_sort(value: &Value) -> bool {
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(members) => {
                let mut keys = members.iter().map(|(key, _)| key);
                if members.len() > 1 && keys.any(|key| key.to_string_lossy().chars().any(is_ideograph)) {
                    return true;
                }
                open.extend(members.iter().map(|(_, value)| value));
            }
            Value::Array(elements) => open.extend(elements.iter()),
            _ => {}
        }
    }
    false
}

fn is_ideograph(character: char) -> bool {
    matches!(
        character,
        '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}'
    )
}
