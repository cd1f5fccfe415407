//! Which major of Nest to be like, where they differ on the wire.
//!
//! Every difference between the majors that this crate can follow is a method here, so that this
//! file is the list of them; `docs/PROTOCOL.md` §7 describes them.

use std::fmt;

/// The major of Nest whose rules a server or a client follows. The default is the newest.
///
/// Choose another one where the other side is older and a difference shows: a service that takes
/// the place of a Nest 8 one, a client that emits events with object patterns to Nest 10.
///
/// ```
/// use nest_wire::{Compat, pattern::Pattern};
///
/// let pattern = Pattern::object([("say", r#""hi""#)]);
/// assert_eq!(pattern.route(Compat::Nest12), r#"{"say":"\"hi\""}"#);
/// assert_eq!(pattern.route(Compat::Nest10), r#"{"say":""hi""}"#);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Compat {
    /// As 7.6.18.
    Nest7,
    /// As 8.4.7.
    Nest8,
    /// As 9.4.3.
    Nest9,
    /// As 10.4.22.
    Nest10,
    /// As 11.2.6.
    Nest11,
    /// As 12.1.1.
    Nest12,
}

impl Compat {
    /// All of them, oldest first.
    pub const ALL: &[Self] = &[
        Self::Nest7,
        Self::Nest8,
        Self::Nest9,
        Self::Nest10,
        Self::Nest11,
        Self::Nest12,
    ];

    /// The newest of them, which is the default.
    pub const NEWEST: Self = Self::ALL[Self::ALL.len() - 1];

    /// Returns the number of the major.
    ///
    /// ```
    /// use nest_wire::Compat;
    ///
    /// assert_eq!(Compat::Nest7.major(), 7);
    /// assert_eq!(Compat::from_major(12), Some(Compat::Nest12));
    /// assert_eq!(Compat::from_major(6), None);
    /// ```
    #[must_use]
    pub const fn major(self) -> u8 {
        7 + self as u8
    }

    /// Returns the rules of the major with this number.
    #[must_use]
    pub fn from_major(major: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|compat| compat.major() == major)
    }

    /// Returns true if routes escape `\` and `"` and stop at some depth and number of keys
    /// (`utils/transform-pattern.utils.js`).
    pub(crate) fn has_careful_routes(self) -> bool {
        self >= Self::Nest11
    }

    /// Returns true if a pattern may have several event handlers; in 7 the last one takes the place
    /// of the others (`server/server.js`, `addHandler`).
    pub(crate) fn chains_event_handlers(self) -> bool {
        self >= Self::Nest8
    }

    /// Returns true if a request to several event handlers is answered with the results of all; in
    /// 8 it is that of the first (`listeners-controller.js`).
    pub(crate) fn joins_event_results(self) -> bool {
        self >= Self::Nest9
    }

    /// Returns true if packets have `metadata` (`server/server-tcp.js`, `client/client-proxy.js`).
    pub(crate) fn has_metadata(self) -> bool {
        self >= Self::Nest12
    }

    /// Returns true if the client's ids are UUIDs; since 9 they are 21 hexadecimal digits
    /// (`client/client-proxy.js`).
    pub(crate) fn has_uuids(self) -> bool {
        self <= Self::Nest8
    }

    /// Returns true if a reply with a key that no Nest packet has is foreign; before, a reply is
    /// foreign that has none of `err`, `response` and `isDisposed`
    /// (`deserializers/incoming-response.deserializer.js`).
    pub(crate) fn knows_envelope_keys(self) -> bool {
        self >= Self::Nest12
    }
}

impl Default for Compat {
    fn default() -> Self {
        Self::NEWEST
    }
}

impl fmt::Display for Compat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nest {}", self.major())
    }
}
