//! What in a text `serde_json` may refuse although `JSON.parse` accepts it.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

use memchr::memmem;

use crate::json::{
    nesting::MAX_TYPED_DEPTH,
    read::{
        grammar::{self, Sink, TooDeep},
        token::Spelling,
        unescape::string_value,
    },
    value::string::JsString,
};

/// The places of members that a later member of the same key replaces.
pub(in crate::json::read) struct Survey {
    replaced: HashSet<usize>,
}

impl Survey {
    /// Looks through a text. Returns `None` if it is no JSON or has nothing unusual.
    pub(in crate::json::read) fn of(text: &str) -> Option<Self> {
        let mut surveyed = Surveyed {
            text,
            open: Vec::new(),
            deeper: 0,
            replaced: HashSet::new(),
            is_unusual: false,
        };
        grammar::text(text, &mut surveyed).ok()?;
        surveyed.is_unusual.then_some(Self {
            replaced: surveyed.replaced,
        })
    }

    pub(super) fn is_replaced(&self, at: usize) -> bool {
        self.replaced.contains(&at)
    }
}

/// A text that is looked through.
struct Surveyed<'t> {
    text: &'t str,
    open: Vec<Open>,
    /// Number of containers that are open within those, nested too deep for a type. A type can only
    /// pass over them, so what is in them does not matter.
    deeper: usize,
    replaced: HashSet<usize>,
    is_unusual: bool,
}

/// The keys of an object that is open, each with the place where it begins last; `None` for an
/// array.
type Open = Option<HashMap<JsString, usize>>;

impl Sink for Surveyed<'_> {
    fn open(&mut self, is_object: bool) -> Result<(), TooDeep> {
        if self.open.len() < MAX_TYPED_DEPTH {
            self.open.push(is_object.then(HashMap::new));
        } else {
            self.deeper += 1;
            self.is_unusual = true;
        }
        Ok(())
    }

    fn key(&mut self, spelling: Spelling, key: Range<usize>) {
        if self.deeper > 0 {
            return;
        }
        let (start, quoted) = (key.start, &self.text[key]);
        self.is_unusual |= has_surrogate(spelling, quoted);
        if let Some(Some(keys)) = self.open.last_mut()
            && let Some(replaced) = keys.insert(string_value(spelling, quoted), start)
        {
            self.replaced.insert(replaced);
            self.is_unusual = true;
        }
    }

    // What is deeper may be looked at here: the text is unusual already.

    fn string(&mut self, spelling: Spelling, string: Range<usize>) {
        self.is_unusual |= has_surrogate(spelling, &self.text[string]);
    }

    fn number_or_word(&mut self, value: Range<usize>) {
        self.is_unusual |= match &self.text[value] {
            "true" | "false" | "null" => false,
            number => is_spelled_as_float(number) || number == "-0" || number.len() > 300,
        };
    }

    fn close(&mut self) {
        match self.deeper {
            0 => drop(self.open.pop()),
            _ => self.deeper -= 1,
        }
    }
}

/// Returns true if an escape in the string may be half of a pair: it begins with `\ud` or `\uD`.
fn has_surrogate(spelling: Spelling, quoted: &str) -> bool {
    let is_in = |half: &[u8]| memmem::find(quoted.as_bytes(), half).is_some();
    spelling == Spelling::Escaped && (is_in(br"\ud") || is_in(br"\uD"))
}

pub(super) fn is_spelled_as_float(text: &str) -> bool {
    text.contains(['.', 'e', 'E'])
}
