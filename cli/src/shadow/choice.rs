//! Which calls are copied, and which of them the old service is asked twice.

use super::ShadowArgs;

/// Chooses calls by their pattern and by chance.
pub(super) struct Choice {
    /// Routes of the patterns that are copied; all if empty.
    only: Vec<String>,
    share: f64,
    random: fastrand::Rng,
    again: Again,
}

/// Which calls are asked a second time, of a service that is the primary or like it.
enum Again {
    /// Those of these patterns.
    Of(Vec<String>),
    All,
}

impl Choice {
    pub(super) fn new(args: &ShadowArgs) -> Self {
        let random = args.seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        Self {
            only: args.only.clone(),
            share: args.share,
            random,
            again: match args.secondary {
                Some(_) => Again::All,
                None => Again::Of(args.twice.clone()),
            },
        }
    }

    /// Returns true if the next call or event, which has this pattern, is copied.
    pub(super) fn takes(&mut self, pattern: &str) -> bool {
        let is_named = self.only.is_empty() || self.only.iter().any(|only| only == pattern);
        is_named && (self.share >= 1.0 || self.random.f64() < self.share)
    }

    /// Returns true if a call that is copied is asked a second time.
    pub(super) fn is_asked_again(&self, pattern: &str) -> bool {
        match &self.again {
            Again::Of(patterns) => patterns.iter().any(|again| again == pattern),
            Again::All => true,
        }
    }
}
