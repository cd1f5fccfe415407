//! Events.

use std::{fmt, marker::PhantomData};

use super::name::Name;
use crate::pattern::Pattern;

/// The contract of an event: its pattern and the type of its data.
///
/// [`Router::handle_event`](crate::server::Router::handle_event) registers a handler for it,
/// [`Client::emit_event`](crate::client::Client::emit_event) sends it.
pub struct Event<Data> {
    name: Name,
    types: PhantomData<fn(Data)>,
}

impl<Data> Event<Data> {
    /// Returns the contract of the events with this text as their pattern.
    #[must_use]
    pub const fn new(pattern: &'static str) -> Self {
        Self::named(Name::Text(pattern))
    }

    /// Returns the contract of the events with the pattern that `pattern` returns. The function is
    /// called for each use.
    ///
    /// ```
    /// use nest_wire::{contract::Event, pattern::Pattern};
    ///
    /// const CREATED: Event<String> = Event::with_pattern(|| Pattern::object([("user", "created")]));
    /// assert_eq!(CREATED.pattern().to_json(), r#"{"user":"created"}"#);
    /// ```
    #[must_use]
    pub const fn with_pattern(pattern: fn() -> Pattern) -> Self {
        Self::named(Name::Made(pattern))
    }

    const fn named(name: Name) -> Self {
        Self {
            name,
            types: PhantomData,
        }
    }

    /// Returns the pattern.
    #[must_use]
    pub fn pattern(&self) -> Pattern {
        self.name.pattern()
    }
}

impl<Data> Clone for Event<Data> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Data> Copy for Event<Data> {}

impl<Data> fmt::Debug for Event<Data> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Event").field(&self.pattern()).finish()
    }
}
