//! Identifiers of Rust for whatever patterns and members are called.

use std::collections::BTreeSet;

/// Names that are taken in their place.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeSet<String>);

impl Names {
    pub(super) fn taken(names: &[&str]) -> Self {
        Self(names.iter().map(|name| (*name).to_owned()).collect())
    }

    /// Takes this name, or the first free one of it with a number. Returns it.
    pub(super) fn take(&mut self, name: &str) -> String {
        let separator = if name.contains(char::is_uppercase) { "" } else { "_" };
        let numbered = (2_u32..).map(|number| format!("{name}{separator}{number}"));
        let mut candidates = std::iter::once(name.to_owned()).chain(numbered);
        let free = candidates.find(|name| !self.0.contains(name)).unwrap_or_default();
        self.0.insert(free.clone());
        free
    }
}

const KEYWORDS: &str = " as async await box break const continue crate do dyn else enum extern false final fn for gen if \
    impl in let loop macro match mod move mut override priv pub ref return self static struct super trait true try \
    type typeof unsafe unsized use virtual abstract become where while yield union Self ";

/// Returns the name of a function or a member.
pub(super) fn snake(text: &str, or: &str) -> String {
    let words: Vec<String> = words(text).iter().map(|word| word.to_ascii_lowercase()).collect();
    let name = begins_with_letter(words.join("_"), or);
    match KEYWORDS.contains(&format!(" {name} ")) {
        true => format!("{name}_"),
        false => name,
    }
}

/// Returns the name of a type.
pub(super) fn camel(text: &str, or: &str) -> String {
    let words = words(text).into_iter().map(|word| {
        let (first, rest) = word.split_at(1);
        format!("{}{}", first.to_ascii_uppercase(), rest.to_ascii_lowercase())
    });
    let name = begins_with_letter(words.collect(), or);
    match name.as_str() {
        "Self" => "Self_".to_owned(),
        _ => name,
    }
}

fn begins_with_letter(name: String, or: &str) -> String {
    match name.chars().next() {
        None => or.to_owned(),
        Some(first) if first.is_ascii_digit() => format!("{or}{name}"),
        Some(_) => name,
    }
}

/// Returns the words of a text: letters and digits, cut before capitals.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in text.chars() {
        let begins = !c.is_ascii_alphanumeric() || (c.is_ascii_uppercase() && was_lower);
        if begins {
            words.push(String::new());
        }
        if c.is_ascii_alphanumeric() {
            words.last_mut().into_iter().for_each(|word| word.push(c));
        }
        was_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_member_is_called_its_name_is_an_identifier() {
        for (text, name) in [
            ("unit-price", "unit_price"),
            ("userId", "user_id"),
            ("URL", "url"),
            ("type", "type_"),
            ("", "member"),
            ("日本", "member"),
            ("2d", "member2d"),
            ("__proto__", "proto"),
            ("self", "self_"),
        ] {
            assert_eq!(snake(text, "member"), name);
        }
        assert_eq!(camel("get_user.byId", "Type"), "GetUserById");
        assert_eq!(camel("self", "Type"), "Self_");
    }

    #[test]
    fn a_name_is_used_once() {
        let mut names = Names::default();
        let taken: Vec<String> = ["sum", "sum", "Sum", "Sum"]
            .iter()
            .map(|name| names.take(name))
            .collect();
        assert_eq!(taken, ["sum", "sum_2", "Sum", "Sum2"]);
    }
}
