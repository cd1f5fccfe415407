//! Messages.

use std::{fmt, marker::PhantomData};

use super::name::Name;
use crate::pattern::Pattern;

/// The contract of a message: its pattern, the type of its data and the type of its reply.
///
/// `Reply` is the type of each value of the reply, whether the handler sends one value or many.
/// [`Router::handle_message`](crate::server::Router::handle_message) registers its handler,
/// [`Client::message`](crate::client::Client::message) calls it.
pub struct Message<Request, Reply> {
    name: Name,
    types: PhantomData<fn(Request) -> Reply>,
}

impl<Request, Reply> Message<Request, Reply> {
    /// Returns the contract of the messages with this text as their pattern.
    #[must_use]
    pub const fn new(pattern: &'static str) -> Self {
        Self::named(Name::Text(pattern))
    }

    /// Returns the contract of the messages with the pattern that `pattern` returns. The function
    /// is called for each use.
    ///
    /// ```
    /// use nest_wire::{contract::Message, pattern::Pattern};
    ///
    /// const SUM: Message<Vec<f64>, f64> = Message::with_pattern(|| Pattern::object([("cmd", "sum")]));
    /// assert_eq!(SUM.pattern().to_json(), r#"{"cmd":"sum"}"#);
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

impl<Request, Reply> Clone for Message<Request, Reply> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Request, Reply> Copy for Message<Request, Reply> {}

impl<Request, Reply> fmt::Debug for Message<Request, Reply> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Message").field(&self.pattern()).finish()
    }
}
