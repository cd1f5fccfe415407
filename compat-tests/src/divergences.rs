//! Where Nest and we differ, and why: `divergences.json`.

use serde::Deserialize;

/// The list. A difference that is not listed is a fault, and so is a listed one that does not occur.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Divergences(Vec<Divergence>);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Divergence {
    /// The name of a case.
    case: String,
    /// On which majors the answers differ.
    majors: Vec<u8>,
    reason: String,
}

impl Divergences {
    /// Reads the list.
    ///
    /// # Panics
    /// If it is malformed.
    #[must_use]
    pub fn listed() -> Self {
        serde_json::from_str(include_str!("../divergences.json")).expect("a list of divergences")
    }

    /// Why `case` differs on this major.
    #[must_use]
    pub fn reason(&self, case: &str, major: u8) -> Option<&str> {
        let it = self.on(major).find(|it| it.case == case);
        it.map(|it| it.reason.as_str())
    }

    /// The names of the cases that differ on this major.
    pub fn cases(&self, major: u8) -> impl Iterator<Item = &str> {
        self.on(major).map(|it| it.case.as_str())
    }

    fn on(&self, major: u8) -> impl Iterator<Item = &Divergence> {
        self.0.iter().filter(move |it| it.majors.contains(&major))
    }
}
