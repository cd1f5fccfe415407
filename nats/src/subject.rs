//! The subjects that patterns lead to.

use async_nats::Subject;
use nest_wire::{Compat, Pattern};

/// A pattern whose route cannot be a subject of NATS: it is empty, exceeds 4,000 bytes, has white
/// space, an empty token between two dots, or a `>` that is not at its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the pattern {0:?} cannot be a subject of NATS: {reason}", reason = reason(.0))]
pub struct InvalidSubject(pub(crate) String);

/// Returns the subject that a handler of this pattern subscribes to: the pattern's route.
///
/// ```
/// use nest_wire::{Compat, Pattern};
///
/// let subject = nest_wire_nats::subject(Pattern::object([("cmd", "sum")]), Compat::default())?;
/// assert_eq!(subject.as_str(), r#"{"cmd":"sum"}"#);
/// assert!(nest_wire_nats::subject("two words", Compat::default()).is_err());
/// # Ok::<(), nest_wire_nats::InvalidSubject>(())
/// ```
///
/// # Errors
/// [`InvalidSubject`]: NATS would refuse it.
pub fn subject(pattern: impl Into<Pattern>, compat: Compat) -> Result<Subject, InvalidSubject> {
    to_subscribe(&pattern.into().route(compat).to_string())
}

/// Returns why a route is no subject.
fn reason(route: &str) -> &'static str {
    match route {
        "" => "it is empty",
        _ if route.len() > MAX_SUBJECT => "it is longer than 4,000 bytes",
        _ if route.contains(char::is_whitespace) => "it has white space",
        _ if route.split('.').any(str::is_empty) => "it has an empty part before, between or behind its dots",
        _ => "it has a > that is not at its end",
    }
}

/// Maximum size of a subject, in bytes. The server closes the connection of a client whose line
/// exceeds 4,096 bytes (`max_control_line`), and the line has an inbox, sizes or a queue group too.
const MAX_SUBJECT: usize = 4_000;

/// Returns the subject to send to.
///
/// # Errors
/// [`InvalidSubject`]
pub(crate) fn to_publish(route: &str) -> Result<Subject, InvalidSubject> {
    let invalid = || InvalidSubject(route.to_owned());
    if route.len() > MAX_SUBJECT {
        return Err(invalid());
    }
    Subject::validated(route).map_err(|_| invalid())
}

/// Returns the subject to subscribe to, which may have wildcards.
///
/// # Errors
/// [`InvalidSubject`]
pub(crate) fn to_subscribe(route: &str) -> Result<Subject, InvalidSubject> {
    let has_early_end = route.split('.').rev().skip(1).any(|token| token == ">");
    match has_early_end {
        true => Err(InvalidSubject(route.to_owned())),
        false => to_publish(route),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_a_subject_unless_nats_would_refuse_it() {
        for good in [
            "sum",
            "a.b",
            "user.*",
            "deep.>",
            ">",
            r#"{"b":1,"cmd":"obj"}"#,
            "use*",
            "求和",
        ] {
            assert_eq!(
                to_subscribe(good).map(|subject| subject.to_string()),
                Ok(good.to_owned())
            );
        }
        for bad in ["", "a b", "a..b", ".a", "a.", "a.>.b", ">.a", "a\tb", r#"{"a":"x y"}"#] {
            assert_eq!(to_subscribe(bad), Err(InvalidSubject(bad.to_owned())), "{bad}");
        }
        for (bad, why) in [
            ("", "it is empty"),
            ("a b", "it has white space"),
            ("a..b", "it has an empty part before, between or behind its dots"),
            (">.a", "it has a > that is not at its end"),
        ] {
            let error = to_subscribe(bad).expect_err("no subject").to_string();
            assert_eq!(error, format!("the pattern {bad:?} cannot be a subject of NATS: {why}"));
        }
        assert!(to_publish(&"x".repeat(4_000)).is_ok());
        assert!(to_publish(&"x".repeat(4_001)).is_err());
    }
}
