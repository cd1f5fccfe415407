//! The part of YAML in which workflows and actions are written here: maps, lists, plain and quoted
//! texts, and blocks of lines.
#![cfg(unix)]

/// A value with the keys that lead to it; items of lists have numbers for keys.
pub(crate) type Value = (Vec<String>, String);

/// A step: its values, with the keys below it.
#[derive(Debug)]
pub(crate) struct Step(Vec<Value>);

impl Step {
    /// Returns the steps of a workflow or an action.
    pub(crate) fn all(values: &[Value]) -> Vec<Self> {
        let mut steps: Vec<(&[String], Self)> = Vec::new();
        for (keys, value) in values {
            let Some(at) = keys.iter().position(|key| key == "steps") else {
                continue;
            };
            let (step, below) = keys.split_at(at + 2);
            if steps.last().is_none_or(|(last, _)| *last != step) {
                steps.push((step, Self(Vec::new())));
            }
            let (_, last) = steps.last_mut().expect("one was pushed");
            last.0.push((below.to_vec(), value.clone()));
        }
        assert!(!steps.is_empty(), "{values:?}");
        steps.into_iter().map(|(_, step)| step).collect()
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.0.iter();
        fields
            .find(|(keys, _)| *keys == [name])
            .map(|(_, value)| value.as_str())
    }

    /// Returns the fields of a map: `with`, `env`.
    pub(crate) fn fields_of(&self, map: &str) -> Vec<(String, String)> {
        let below = self.0.iter().filter(|(keys, _)| keys.len() == 2 && keys[0] == map);
        below.map(|(keys, value)| (keys[1].clone(), value.clone())).collect()
    }
}

/// Returns the inputs of an action, with their defaults; one without is empty.
pub(crate) fn inputs_of(action: &[Value]) -> Vec<(String, String)> {
    let mut inputs: Vec<(String, String)> = Vec::new();
    for (keys, value) in action {
        let [first, name, field] = &keys[..] else { continue };
        if first != "inputs" {
            continue;
        }
        if inputs.last().is_none_or(|(last, _)| last != name) {
            inputs.push((name.clone(), String::new()));
        }
        if field == "default" {
            inputs.last_mut().expect("one was pushed").1.clone_from(value);
        }
    }
    inputs
}

/// Reads a document.
pub(crate) fn read(text: &str) -> Vec<Value> {
    let mut values = Vec::new();
    let mut path: Vec<(usize, String)> = Vec::new();
    let mut items = 0;
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let mut indent = indent(line);
        let mut content = line.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        path.retain(|(at, _)| *at < indent);
        if let Some(item) = content.strip_prefix("- ") {
            path.push((indent, items.to_string()));
            items += 1;
            indent += 2;
            content = item;
        }
        let (key, value) = match content.split_once(": ") {
            Some((key, value)) => (key, value),
            None => (content.strip_suffix(':').expect(line), ""),
        };
        path.push((indent, key.to_owned()));
        let keys = || path.iter().map(|(_, key)| key.clone()).collect();
        match value {
            "" => {}
            "|" => {
                let mut block = String::new();
                while let Some(line) = lines.next_if(|line| self::indent(line) > indent) {
                    block += &format!("{}\n", line.trim());
                }
                values.push((keys(), block));
            }
            value => {
                let quoted = value.strip_prefix('\'').and_then(|value| value.strip_suffix('\''));
                values.push((keys(), quoted.unwrap_or(value).to_owned()));
            }
        }
    }
    values
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[test]
fn a_workflow_is_read() {
    let values = read(
        "on: push\nsteps:\n  - uses: a@1\n    with:\n      b: 'c'\n      d: |\n        e\n        f\n  # no\n  - run: g\n",
    );
    let steps = Step::all(&values);
    assert_eq!(values[0], (vec!["on".to_owned()], "push".to_owned()));
    assert_eq!((steps.len(), steps[1].field("run")), (2, Some("g")));
    let with = [("b", "c"), ("d", "e\nf\n")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(steps[0].fields_of("with"), with);
}
