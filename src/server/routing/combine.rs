//! Routers made of several routers.

use crate::{
    compat::Compat,
    pattern::Pattern,
    server::{Router, routing::Registered},
};

/// Combination with other routers.
impl<S: Clone + Send + Sync + 'static> Router<S> {
    /// Adds all handlers of `other`, as if each had been registered here. Returns the router. The
    /// fallback of `other`, its handler of packets without a pattern and its
    /// [`compat`](Self::compat) are taken if this router has none. A warning is logged if both
    /// routers have a `compat` and they differ.
    ///
    /// ```
    /// use nest_wire::server::Router;
    ///
    /// let users: Router = Router::new().message("users.count", async || 3);
    /// let rooms: Router = Router::new().message("rooms.count", async || 5);
    /// let router = users.merge(rooms);
    /// ```
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.registered.extend(other.registered);
        self.without_pattern = self.without_pattern.or(other.without_pattern);
        self.fallback = self.fallback.or(other.fallback);
        self.compat = merged_compat(self.compat, other.compat);
        self
    }

    /// Adds all handlers of `other` under `prefix`, but not its fallback and its handler of packets
    /// without a pattern. Returns the router. The [`compat`](Self::compat) of `other` is taken as
    /// by [`merge`](Self::merge). A text pattern `find` under the prefix `users` becomes
    /// `users.find`. An object pattern gets the prefix's members before its own.
    ///
    /// ```
    /// use nest_wire::{pattern::Pattern, server::Router};
    ///
    /// let users: Router = Router::new().message("find", async || "users.find");
    /// let rooms: Router = Router::new().message(Pattern::object([("cmd", "find")]), async || "rooms, find");
    /// let router = Router::<()>::new().nest("users", users).nest(Pattern::object([("service", "rooms")]), rooms);
    /// let patterns: Vec<_> = router.patterns().map(|(pattern, _)| pattern.to_string()).collect();
    /// assert_eq!(patterns, ["users.find", r#"{"service":"rooms","cmd":"find"}"#]);
    /// ```
    ///
    /// # Panics
    /// A pattern and the prefix are not both texts and not both objects, or they have a key in
    /// common.
    #[must_use]
    pub fn nest(mut self, prefix: impl Into<Pattern>, other: Self) -> Self {
        let prefix = prefix.into();
        self.registered.extend(other.registered.into_iter().map(|registered| {
            Registered {
                pattern: registered
                    .pattern
                    .under(&prefix)
                    .unwrap_or_else(|| panic!("the pattern {} can't be put under {prefix}", registered.pattern)),
                ..registered
            }
        }));
        self.compat = merged_compat(self.compat, other.compat);
        self
    }
}

/// Returns the major version that two merged routers follow: the first router's, if both have one.
/// Logs a warning if they differ.
fn merged_compat(ours: Option<Compat>, theirs: Option<Compat>) -> Option<Compat> {
    if let (Some(ours), Some(theirs)) = (ours, theirs)
        && ours != theirs
    {
        tracing::warn!(
            ?ours,
            ?theirs,
            "the compat of a merged router is ignored: its handlers follow another major"
        );
    }
    ours.or(theirs)
}
