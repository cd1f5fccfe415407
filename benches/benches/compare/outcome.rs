//! What a row came to.

use super::row::{Figure, Idle, Procedure, Row, Target};

/// Each contender's figure in one round.
#[derive(Clone, Copy, Default)]
pub(crate) struct Round {
    pub(crate) nest: Option<f64>,
    pub(crate) ours: f64,
    pub(crate) raw: Option<f64>,
    /// How busy the generator was while our server had its turn, between 0 and 1; nothing where there is no load.
    pub(crate) generator: Option<f64>,
}

/// A row's ratios over all rounds.
#[derive(serde::Serialize)]
pub(crate) struct Outcome {
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    /// Our figure.
    pub(crate) ours: Spread,
    pub(crate) nest: Option<Spread>,
    pub(crate) raw: Option<Spread>,
    pub(crate) nest_over_ours: Option<Spread>,
    pub(crate) ours_over_raw: Option<Spread>,
    pub(crate) nest_target: Option<f64>,
    pub(crate) raw_target: Option<f64>,
    pub(crate) generator: Option<f64>,
}

/// A median, and the extremes.
#[derive(Clone, Copy, serde::Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Outcome {
    pub(crate) fn of(row: &Row, rounds: &[Round]) -> Self {
        let Target { nest, raw } = row.target;
        Self {
            name: row.name.clone(),
            unit: unit(&row.procedure),
            ours: Spread::of(rounds.iter().map(|round| round.ours)).expect("a round"),
            nest: Spread::of(rounds.iter().filter_map(|round| round.nest)),
            raw: Spread::of(rounds.iter().filter_map(|round| round.raw)),
            nest_over_ours: Spread::of(rounds.iter().filter_map(|round| Some(round.nest? / round.ours))),
            ours_over_raw: Spread::of(rounds.iter().filter_map(|round| Some(round.ours / round.raw?))),
            nest_target: nest,
            raw_target: raw,
            generator: Spread::of(rounds.iter().filter_map(|round| round.generator)).map(|spread| spread.median),
        }
    }

    /// Whether both targets are met; nothing if there are none.
    pub(crate) fn is_met(&self) -> Option<bool> {
        let nest = self
            .nest_target
            .zip(self.nest_over_ours)
            .map(|(target, ratio)| ratio.median >= target);
        let raw = self
            .raw_target
            .zip(self.ours_over_raw)
            .map(|(target, ratio)| ratio.median <= target);
        match (nest, raw) {
            (None, None) => None,
            (nest, raw) => Some(nest.unwrap_or(true) && raw.unwrap_or(true)),
        }
    }
}

impl Spread {
    /// Of nothing there is none.
    pub(crate) fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        Some(Self {
            median: *values.get(values.len() / 2)?,
            least: *values.first()?,
            most: *values.last()?,
        })
    }
}

fn unit(procedure: &Procedure) -> &'static str {
    match procedure {
        Procedure::Steady(steady) if steady.figure == Figure::PeakMemory => "bytes",
        Procedure::Steady(_) => "ns",
        Procedure::Idle(Idle::Fresh | Idle::AfterMessage) => "bytes",
        Procedure::BothCores => "ns",
    }
}
