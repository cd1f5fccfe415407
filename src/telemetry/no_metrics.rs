//! The meters of `metrics.rs` without the feature `metrics`: types without size and empty
//! functions.

use super::{Fault, Limit, Outcome, Side};

#[derive(Debug)]
pub(crate) struct ConnectionMeter;

impl ConnectionMeter {
    pub(crate) const fn none() -> Self {
        Self
    }

    #[inline(always)]
    pub(crate) fn opened(_: Side) -> Self {
        Self
    }

    #[inline(always)]
    pub(crate) fn received(&self, _bytes: usize) {}

    #[inline(always)]
    pub(crate) fn sent(&self, _bytes: usize) {}

    #[inline(always)]
    pub(crate) fn fault(&self, _: Fault) {}

    #[inline(always)]
    pub(crate) fn limited(&self, _: Limit) {}
}

#[inline(always)]
pub(crate) fn connection_refused() {}

#[inline(always)]
pub(crate) fn connection_limited(_: Side, _: Limit) {}

#[inline(always)]
pub(crate) fn reconnected() {}

#[inline(always)]
pub(crate) fn connect_failed() {}

#[derive(Debug)]
pub(crate) struct CallMeters;

impl CallMeters {
    pub(crate) fn of_pattern(_: impl FnOnce() -> String) -> Self {
        Self
    }

    pub(crate) fn of_other_patterns() -> Self {
        Self
    }

    pub(crate) fn of_kind(_: &'static str) -> Self {
        Self
    }

    #[inline(always)]
    pub(crate) fn begin(&self) -> CallMeter {
        CallMeter
    }

    #[inline(always)]
    pub(crate) fn count(&self, _: Outcome) {}
}

#[derive(Debug)]
pub(crate) struct CallMeter;

impl CallMeter {
    pub(crate) const fn none() -> Self {
        Self
    }

    #[inline(always)]
    pub(crate) fn end(&mut self, _: Outcome) {}
}
