//! What an answer has to be.

use nest_wire::json::{self, Value};

use crate::{data::json_failure, failure::Failure, pointer::Pointer};

/// The expectations of one check; all have to be met.
#[derive(Debug, Default)]
pub(super) struct Expectations(Vec<Expectation>);

#[derive(Debug)]
struct Expectation {
    /// The whole answer if it is empty.
    at: Pointer,
    value: Value,
}

impl Expectations {
    /// Reads `--expect JSON` and each `--expect-at POINTER=JSON`.
    pub(super) fn read(whole: Option<&str>, parts: &[String]) -> Result<Self, Failure> {
        let mut expectations = Vec::new();
        if let Some(text) = whole {
            expectations.push(expectation("--expect", "", text)?);
        }
        for part in parts {
            let Some((at, text)) = part.split_once('=') else {
                return Err(Failure::usage(format_args!("--expect-at {part}: write POINTER=JSON")));
            };
            expectations.push(expectation("--expect-at", at, text)?);
        }
        Ok(Self(expectations))
    }

    /// Returns what is wrong with an answer, or `None` if nothing is. An answer without a value is
    /// undefined, and equal to nothing.
    pub(super) fn fault(&self, answer: Option<&Value>) -> Option<String> {
        self.0.iter().find_map(|expected| expected.fault(answer))
    }
}

impl Expectation {
    fn fault(&self, answer: Option<&Value>) -> Option<String> {
        let found = answer.and_then(|answer| self.at.of(answer));
        if found == Some(&self.value) {
            return None;
        }
        let expected = &self.value;
        Some(match (answer, found, self.at.as_str()) {
            (None, ..) => format!("answered without a value, not {expected}"),
            (Some(_), Some(found), "") => format!("answered {found}, not {expected}"),
            (Some(_), Some(found), at) => format!("answered {found} at {at}, not {expected}"),
            (Some(answer), None, at) => format!("answered {answer}, which has nothing at {at}, not {expected}"),
        })
    }
}

fn expectation(option: &str, at: &str, text: &str) -> Result<Expectation, Failure> {
    let at = Pointer::parse(at).map_err(|fault| Failure::usage(format_args!("{option} {fault}")))?;
    let value = json::parse(text).map_err(|error| json_failure(option, &error, text))?;
    Ok(Expectation { at, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(whole: Option<&str>, parts: &[&str], answer: Option<&str>) -> Option<String> {
        let parts: Vec<String> = parts.iter().map(ToString::to_string).collect();
        let expectations = Expectations::read(whole, &parts).expect("expectations");
        let answer = answer.map(|text| json::parse(text).expect("JSON"));
        expectations.fault(answer.as_ref())
    }

    #[test]
    fn answers_are_compared_by_value() {
        let answer = Some(r#"{ "b": 1.0, "status": "ok" }"#);
        assert_eq!(fault(None, &[], None), None);
        assert_eq!(fault(Some(r#"{"status":"ok","b":1}"#), &[], answer), None);
        assert_eq!(fault(None, &[r#"/status="ok""#, "/b=1"], answer), None);
        assert_eq!(fault(Some("\"ok\""), &[], Some("\"ok\"")), None);
    }

    #[test]
    fn the_first_difference_is_told() {
        let answer = Some(r#"{"status":"down"}"#);
        for (whole, part, answer, expected) in [
            (Some("1"), None, answer, r#"answered {"status":"down"}, not 1"#),
            (
                None,
                Some(r#"/status="ok""#),
                answer,
                r#"answered "down" at /status, not "ok""#,
            ),
            (
                None,
                Some("/x=null"),
                answer,
                r#"answered {"status":"down"}, which has nothing at /x, not null"#,
            ),
            (Some("null"), None, None, "answered without a value, not null"),
        ] {
            let parts: Vec<&str> = part.into_iter().collect();
            assert_eq!(fault(whole, &parts, answer).as_deref(), Some(expected));
        }
    }
}
