//! Identifiers for patterns and types, each used once.

use std::collections::BTreeSet;

use crate::{json::Value, pattern::Pattern};

/// The identifiers that are taken.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeSet<String>);

impl Names {
    pub(super) fn taken(names: &[&str]) -> Self {
        Self(names.iter().map(|name| (*name).to_owned()).collect())
    }

    /// Takes this name, or the first free one of it with 2, 3, …. Returns it.
    pub(super) fn take(&mut self, name: &str) -> String {
        let numbered = (2_u32..).map(|number| format!("{name}{number}"));
        let mut candidates = std::iter::once(name.to_owned()).chain(numbered);
        let free = candidates.find(|name| !self.0.contains(name)).unwrap_or_default();
        self.0.insert(free.clone());
        free
    }
}

/// Returns a name in lower camel case for the method that sends this pattern: of its text, or of
/// its values in the order of their keys.
pub(super) fn of_pattern(pattern: &Pattern) -> String {
    let mut words = Vec::new();
    collect(pattern.value(), &mut words);
    let name = camel(&words.join(" "));
    match name.chars().next() {
        None => "pattern".to_owned(),
        Some(first) if first.is_ascii_digit() => format!("pattern{name}"),
        Some(first) => format!("{}{}", first.to_ascii_lowercase(), &name[first.len_utf8()..]),
    }
}

/// Returns a name in upper camel case that is an identifier in TypeScript.
pub(super) fn of_type(name: &str) -> String {
    let name = camel(name);
    match name.chars().next() {
        Some(first) if !first.is_ascii_digit() => name,
        _ => format!("Type{name}"),
    }
}

fn collect(value: &Value, words: &mut Vec<String>) {
    match value {
        Value::String(text) => words.push(text.to_string()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, words)),
        Value::Object(members) => members.iter().for_each(|(_, value)| collect(value, words)),
        other => words.push(other.stringify()),
    }
}

/// Joins the words of a text; each begins with a capital letter. Only ASCII's letters and digits
/// remain.
fn camel(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let capitalised = words.filter_map(|word| {
        let first = word.chars().next()?;
        Some(format!("{}{}", first.to_ascii_uppercase(), &word[1..]))
    });
    capitalised.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_has_a_name_in_camel_case() {
        for (pattern, name) in [
            (Pattern::from("sum"), "sum"),
            ("user.created".into(), "userCreated"),
            ("user_created".into(), "userCreated"),
            ("getUser".into(), "getUser"),
            (7.into(), "pattern7"),
            ("überall".into(), "berall"),
            ("日本".into(), "pattern"),
            (Pattern::object([("service", "math"), ("cmd", "sum")]), "mathSum"),
        ] {
            assert_eq!(of_pattern(&pattern), name);
        }
    }

    #[test]
    fn a_name_is_used_once() {
        let mut names = Names::taken(&["emit"]);
        assert_eq!(names.take("sum"), "sum");
        assert_eq!(names.take("sum"), "sum2");
        assert_eq!(names.take("emit"), "emit2");
    }
}
