//! Conversations on a raw socket, one per line in `cases/*.jsonl` (`README.md` describes the
//! format).

use std::{fs, path::Path};

use bytes::{Bytes, BytesMut};
use nest_wire::codec::encode;
use serde_json::value::RawValue;

/// One conversation: what the caller sends to a conformance service, and what it waits for in
/// between.
#[derive(Debug, Clone)]
pub struct Case {
    /// The name of the case.
    pub name: String,
    /// The expected result, for readers of the fixtures.
    pub why: Option<String>,
    /// How the replies of two services compare.
    pub order: Order,
    /// The steps, in order.
    pub steps: Vec<Step>,
}

/// How the replies of two services compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The replies are equal byte by byte.
    Exact,
    /// The replies to each id are equal byte by byte; the order of replies to different ids is an
    /// accident of Node.
    PerId,
}

/// One step of the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Sends these bytes in one piece.
    Send(Bytes),
    /// Waits until this number of packets has arrived in all.
    Frames(usize),
    /// Closes the caller's side. Without this step, a `ping` is sent last and its reply awaited.
    End,
}

/// Returns the cases of `cases/<topic>.jsonl`.
///
/// # Panics
/// Panics if a line is malformed; the message names the line.
#[must_use]
pub fn cases(topic: &str) -> Vec<Case> {
    let file = folder().join(topic).with_extension("jsonl");
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with("//"));
    lines
        .map(|line| Case::read(line).unwrap_or_else(|error| panic!("{}: {error}: {line}", file.display())))
        .collect()
}

/// Returns all cases, topic by topic.
///
/// # Panics
/// Panics as [`cases`] does, and if two cases have the same name.
#[must_use]
pub fn all_cases() -> Vec<Case> {
    let files = fs::read_dir(folder()).expect("the folder of cases");
    let mut topics: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    topics.sort();
    let topic = |path: &Path| path.file_stem().expect("a name").to_string_lossy().into_owned();
    let all: Vec<Case> = topics.iter().flat_map(|path| cases(&topic(path))).collect();
    let mut names: Vec<_> = all.iter().map(|case| &case.name).collect();
    names.sort();
    for pair in names.windows(2) {
        assert_ne!(pair[0], pair[1], "two cases of one name");
    }
    all
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/cases"))
}

impl Case {
    /// Makes a case that is in no file, for services other than the conformance service.
    #[must_use]
    pub fn new(name: &str, steps: Vec<Step>) -> Self {
        Self {
            name: name.to_owned(),
            why: None,
            order: Order::Exact,
            steps,
        }
    }

    /// Returns the case with a pause before the fence, until `count` packets have arrived in
    /// all or the service closes.
    #[must_use]
    pub fn paced(mut self, count: usize) -> Self {
        if !self.is_closed_by_caller() {
            self.steps.push(Step::Frames(count));
        }
        self
    }

    /// Returns whether the caller closes its side before everything is answered.
    #[must_use]
    pub fn is_closed_by_caller(&self) -> bool {
        self.steps.last() == Some(&Step::End)
    }

    fn read(line: &str) -> Result<Self, serde_json::Error> {
        // The values are raw, so that packets are sent exactly as written: with their white space,
        // equal keys and escapes.
        let items: Vec<&RawValue> = serde_json::from_str(line)?;
        let mut case = Self::new("", Vec::new());
        for item in items {
            case.add(item.get())?;
        }
        Ok(case)
    }

    fn add(&mut self, item: &str) -> Result<(), serde_json::Error> {
        if item.starts_with(|first: char| first.is_ascii_digit()) {
            self.steps.push(Step::Frames(serde_json::from_str(item)?));
            return Ok(());
        }
        let text: Option<String> = serde_json::from_str(item).ok();
        match text.as_deref() {
            Some(name) if self.name.is_empty() => name.clone_into(&mut self.name),
            Some(":end") => self.steps.push(Step::End),
            Some(":per-id") => self.order = Order::PerId,
            Some(why) if why.starts_with(":why ") => self.why = Some(why[5..].to_owned()),
            _ => {
                let mut segment = BytesMut::new();
                append(&mut segment, item)?;
                self.steps.push(Step::Send(segment.freeze()));
            }
        }
        Ok(())
    }
}

/// Appends the bytes of an item: of a packet, of a string, of `":hex …"`, or of an array of these.
fn append(segment: &mut BytesMut, item: &str) -> Result<(), serde_json::Error> {
    match item.as_bytes().first() {
        Some(b'[') => {
            let parts: Vec<&RawValue> = serde_json::from_str(item)?;
            parts.iter().try_for_each(|part| append(segment, part.get()))
        }
        Some(b'"') => {
            let text: String = serde_json::from_str(item)?;
            match text.strip_prefix(":hex ") {
                Some(digits) => segment.extend(digits.split_whitespace().map(byte)),
                None => segment.extend_from_slice(text.as_bytes()),
            }
            Ok(())
        }
        _ => {
            encode(item, segment);
            Ok(())
        }
    }
}

fn byte(digits: &str) -> u8 {
    u8::from_str_radix(digits, 16).unwrap_or_else(|_| panic!("{digits:?} is no byte"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_is_written() {
        let line = r#"["two", ":per-id", {"a" : 1}, 2, [{},":hex ff 23","x#"], ":why it can", ":end"]"#;
        let case = Case::read(line).expect("a case");
        assert_eq!((case.name.as_str(), case.order), ("two", Order::PerId));
        assert_eq!(case.why.as_deref(), Some("it can"));
        let sends = |bytes: &'static [u8]| Step::Send(Bytes::from_static(bytes));
        assert_eq!(
            case.steps,
            [
                sends(b"9#{\"a\" : 1}"),
                Step::Frames(2),
                sends(b"2#{}\xff#x#"),
                Step::End
            ]
        );
    }
}
