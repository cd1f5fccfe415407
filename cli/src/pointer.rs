//! Pointers into JSON (RFC 6901): `/user/name`, `/items/0`.

use nest_wire::json::Value;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pointer {
    text: String,
    /// The keys and indices, without escapes.
    steps: Vec<String>,
}

impl Pointer {
    /// Reads a pointer. The empty one is the whole value.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let steps = match text.strip_prefix('/') {
            Some(steps) => steps
                .split('/')
                .map(|step| step.replace("~1", "/").replace("~0", "~"))
                .collect(),
            None if text.is_empty() => Vec::new(),
            None => return Err(format!("{text}: a pointer begins with /")),
        };
        let text = text.to_owned();
        Ok(Self { text, steps })
    }

    /// Returns the value that this points to, or `None` if there is none.
    pub(crate) fn of<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.steps.iter().try_fold(value, |value, step| match value {
            Value::Object(members) => members.get(step.as_str()),
            Value::Array(elements) => elements.get(index(step)?),
            _ => None,
        })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }
}

/// Returns the index that a step spells: digits without a leading zero.
fn index(step: &str) -> Option<usize> {
    let is_index = step == "0" || !step.starts_with(['0', '+']);
    is_index.then(|| step.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use nest_wire::json;

    use super::*;

    #[test]
    fn values_are_found_as_the_rfc_has_it() {
        let value = json::parse(r#"{"a":[1,{"b":2}],"a/b":3,"m~n":4,"":5,"0":6}"#).expect("JSON");
        for (pointer, expected) in [
            ("/a/0", Some("1")),
            ("/a/1/b", Some("2")),
            ("/a~1b", Some("3")),
            ("/m~0n", Some("4")),
            ("/", Some("5")),
            ("/0", Some("6")),
            ("/a/2", None),
            ("/a/01", None),
            ("/a/b", None),
            ("/a/0/x", None),
            ("/x", None),
        ] {
            let pointer = Pointer::parse(pointer).expect("a pointer");
            let found = pointer.of(&value).map(ToString::to_string);
            assert_eq!(found.as_deref(), expected, "{}", pointer.as_str());
        }
        assert_eq!(Pointer::parse("").expect("a pointer").of(&value), Some(&value));
    }

    #[test]
    fn a_pointer_begins_with_a_slash() {
        assert_eq!(
            Pointer::parse("response/at"),
            Err("response/at: a pointer begins with /".to_owned())
        );
    }
}
