//! What in a text `serde_json` may refuse although `JSON.parse` accepts it.

use std::collections::{HashMap, HashSet};

use memchr::memmem;

use crate::json::{
    read::{scalar::Reader, scan},
    value::string::JsString,
};

/// Maximum number of arrays and objects that are open at once: `serde_json`'s own limit.
pub(super) const MAX_TYPED_DEPTH: usize = 127;

/// The places of members that a later member of the same key replaces.
pub(in crate::json::read) struct Survey {
    replaced: HashSet<usize>,
    is_unusual: bool,
}

/// The keys of an object that is open, each with the place where it begins last; `None` for an
/// array.
type Open = Option<HashMap<JsString, usize>>;

impl Survey {
    /// Looks through a text. Returns `None` if it is no JSON or has nothing unusual.
    pub(in crate::json::read) fn of(text: &str) -> Option<Self> {
        let mut survey = Self {
            replaced: HashSet::new(),
            is_unusual: false,
        };
        survey.look_through(text).ok()?;
        survey.is_unusual.then_some(survey)
    }

    pub(super) fn is_replaced(&self, at: usize) -> bool {
        self.replaced.contains(&at)
    }

    fn look_through(&mut self, text: &str) -> scan::ScanResult {
        let bytes = text.as_bytes();
        let mut open: Vec<Open> = Vec::new();
        let mut at = scan::space(bytes, 0);
        loop {
            match bytes.get(at) {
                Some(b'[' | b'{') if open.len() == MAX_TYPED_DEPTH => {
                    // What is nested deeper can only be passed over.
                    self.is_unusual = true;
                    at = scan::value(bytes, at)?;
                }
                Some(&bracket @ (b'[' | b'{')) => {
                    open.push((bracket == b'{').then(HashMap::new));
                    at = scan::space(bytes, at + 1);
                    if bytes.get(at) != Some(&(bracket + 2)) {
                        at = self.begin(text, at, &mut open)?;
                        continue;
                    }
                    open.pop();
                    at += 1;
                }
                _ => at = self.scalar(text, at)?,
            }
            // The value is complete, and perhaps the containers around it.
            loop {
                at = scan::space(bytes, at);
                let Some(innermost) = open.last() else {
                    return if at == text.len() { Ok(at) } else { Err(at) };
                };
                let close = if innermost.is_some() { b'}' } else { b']' };
                match bytes.get(at) {
                    Some(b',') => break,
                    Some(&found) if found == close => {
                        open.pop();
                        at += 1;
                    }
                    _ => return Err(at),
                }
            }
            at = scan::space(bytes, at + 1);
            at = self.begin(text, at, &mut open)?;
        }
    }

    /// Takes note of a member's key, if an object is innermost. Returns where the value begins.
    fn begin(&mut self, text: &str, at: usize, open: &mut [Open]) -> scan::ScanResult {
        let Some(Some(keys)) = open.last_mut() else {
            return Ok(at);
        };
        let bytes = text.as_bytes();
        scan::delimiter(bytes, at, b'"')?;
        let end = self.scalar(text, at)?;
        let key = Reader::new(&text[at..end]).string().map_err(|_| at)?;
        if let Some(replaced) = keys.insert(key, at) {
            self.replaced.insert(replaced);
            self.is_unusual = true;
        }
        let colon = scan::delimiter(bytes, scan::space(bytes, end), b':')?;
        Ok(scan::space(bytes, colon))
    }

    fn scalar(&mut self, text: &str, at: usize) -> scan::ScanResult {
        let end = scan::value(text.as_bytes(), at)?;
        let scalar = &text[at..end];
        self.is_unusual |= match scalar.as_bytes()[0] {
            // A surrogate's half begins with `\ud` or `\uD`.
            b'"' => [br"\ud", br"\uD"]
                .iter()
                .any(|half| memmem::find(scalar.as_bytes(), *half).is_some()),
            b'-' | b'0'..=b'9' => is_spelled_as_float(scalar) || scalar == "-0" || scalar.len() > 300,
            _ => false,
        };
        Ok(end)
    }
}

pub(super) fn is_spelled_as_float(text: &str) -> bool {
    text.contains(['.', 'e', 'E'])
}
