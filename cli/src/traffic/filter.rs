//! Which entries are shown.

use std::{str::FromStr, time::Duration};

use nest_wire::{Compat, pattern::Pattern};

use super::{
    entry::{Entry, What},
    packet::Kind,
};

/// A pattern or a kind of packet, as it is typed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Only {
    Kind(Kind),
    /// The route of a pattern.
    Pattern(String),
}

impl FromStr for Only {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match kind(text) {
            Ok(kind) => Ok(Self::Kind(kind)),
            Err(_) => route(text).map(Self::Pattern),
        }
    }
}

/// Returns the kind with this name.
pub(crate) fn kind(text: &str) -> Result<Kind, String> {
    let found = Kind::ALL.iter().find(|(name, _)| *name == text);
    found.map(|(_, kind)| *kind).ok_or_else(|| {
        let names: Vec<&str> = Kind::ALL.iter().map(|(name, _)| *name).collect();
        format!("one of {}", names.join(", "))
    })
}

/// Returns the route of a pattern as it is typed: JSON if it begins with `{` or `[`, else a string.
pub(crate) fn route(text: &str) -> Result<String, String> {
    let pattern = match text.starts_with(['{', '[']) {
        true => Pattern::from_json(text).map_err(|error| error.to_string())?,
        false => Pattern::from(text),
    };
    let route = pattern.route(Compat::default());
    Ok(route.as_str().map_or_else(|| route.to_json(), str::to_owned))
}

/// What an entry has to be to be shown.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    pub(crate) connection: Option<u32>,
    /// Routes and kinds; one of them has to match.
    pub(crate) only: Vec<Only>,
    /// One of these has to match as well.
    pub(crate) patterns: Vec<Only>,
    /// And one of these.
    pub(crate) kinds: Vec<Only>,
    pub(crate) id: Option<String>,
    pub(crate) errors: bool,
    pub(crate) slower: Option<Duration>,
    pub(crate) from: Option<Duration>,
    pub(crate) to: Option<Duration>,
    /// Whether the opening and closing of connections passes.
    pub(crate) connections: bool,
}

impl Filter {
    /// Returns true if the entry passes.
    pub(crate) fn passes(&self, entry: &Entry) -> bool {
        if !self.takes(entry.connection, entry.at) {
            return false;
        }
        let seen = match &entry.what {
            What::Packet(seen) => seen,
            What::Opened(_) | What::End => return self.connections && !self.wants_packets(),
            _ => return !self.wants_packets(),
        };
        let is_one = |only: &Only| match only {
            Only::Kind(Kind::Broken) => seen.why.is_some(),
            Only::Kind(kind) => *kind == seen.kind,
            Only::Pattern(route) => seen.pattern.as_deref() == Some(route),
        };
        let has_id = |id: &String| {
            seen.id
                .as_ref()
                .is_some_and(|seen| seen.as_str().trim_matches('"') == id)
        };
        let one_of = |all: &[Only]| all.is_empty() || all.iter().any(is_one);
        [&self.only, &self.patterns, &self.kinds]
            .into_iter()
            .all(|all| one_of(all))
            && self.id.as_ref().is_none_or(has_id)
            && (!self.errors || seen.kind.is_error() || seen.why.is_some())
            && self
                .slower
                .is_none_or(|least| seen.latency.is_some_and(|latency| latency >= least))
    }

    /// Returns true if what happens on this connection at this time may pass.
    pub(crate) fn takes(&self, connection: u32, at: Option<Duration>) -> bool {
        let is_in_time = |at: Duration| self.from.is_none_or(|from| at >= from) && self.to.is_none_or(|to| at <= to);
        self.connection.is_none_or(|wanted| wanted == connection) && at.is_none_or(is_in_time)
    }

    /// Returns true if only certain packets pass.
    pub(crate) fn wants_packets(&self) -> bool {
        let is_named = [&self.only, &self.patterns, &self.kinds]
            .iter()
            .any(|all| !all.is_empty());
        is_named || self.id.is_some() || self.errors || self.slower.is_some()
    }
}
