//! The differences between Nest and nest-wire, and their reasons: `divergences.json`.

use serde::Deserialize;

/// The list of differences. A difference that is not listed fails a test, and so does a listed one
/// that does not occur.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Divergences(Vec<Divergence>);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Divergence {
    /// The name of a case.
    case: String,
    /// The majors on which the replies differ.
    majors: Vec<u8>,
    reason: String,
}

impl Divergences {
    /// Reads the list.
    ///
    /// # Panics
    /// Panics if the list is malformed.
    #[must_use]
    pub fn listed() -> Self {
        serde_json::from_str(include_str!("../divergences.json")).expect("a list of divergences")
    }

    /// Returns the reason for which `case` differs on this major.
    #[must_use]
    pub fn reason(&self, case: &str, major: u8) -> Option<&str> {
        let it = self.on(major).find(|it| it.case == case);
        it.map(|it| it.reason.as_str())
    }

    /// Returns the names of the cases that differ on this major.
    pub fn cases(&self, major: u8) -> impl Iterator<Item = &str> {
        self.on(major).map(|it| it.case.as_str())
    }

    fn on(&self, major: u8) -> impl Iterator<Item = &Divergence> {
        self.0.iter().filter(move |it| it.majors.contains(&major))
    }
}
