//! The result of a row.

/// Each contender's figure in one round.
#[derive(Debug, Clone, Copy, Default)]
pub struct Round {
    /// Nest's figure, if it takes part.
    pub nest: Option<f64>,
    /// Our figure.
    pub ours: f64,
    /// The raw server's figure, if it takes part.
    pub raw: Option<f64>,
    /// How busy the generator was while our server had its turn, between 0 and 1; `None` without a
    /// load.
    pub generator: Option<f64>,
}

/// The targets of the ratios.
#[derive(Debug, Clone, Copy, Default)]
pub struct Target {
    /// Minimum of Nest's figure over ours.
    pub nest: Option<f64>,
    /// Maximum of our figure over the raw server's.
    pub raw: Option<f64>,
}

impl Target {
    /// Sets the minimum of Nest's figure over ours.
    #[must_use]
    pub const fn at_least(nest: f64) -> Self {
        Self {
            nest: Some(nest),
            raw: None,
        }
    }

    /// Adds the maximum of our figure over the raw server's.
    #[must_use]
    pub const fn and_at_most(mut self, raw: f64) -> Self {
        self.raw = Some(raw);
        self
    }
}

/// The unit of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Nanoseconds of CPU time or of waiting.
    Nanoseconds,
    /// Bytes of memory.
    Bytes,
}

/// A row's ratios over all rounds.
#[derive(Debug, serde::Serialize)]
pub struct Outcome {
    /// The name of the row.
    pub name: String,
    /// The unit of the figures.
    pub unit: Unit,
    /// Our figure.
    pub ours: Spread,
    /// Nest's figure.
    pub nest: Option<Spread>,
    /// The raw server's figure.
    pub raw: Option<Spread>,
    /// Nest's figure over ours in each round.
    pub nest_over_ours: Option<Spread>,
    /// Our figure over the raw server's in each round.
    pub ours_over_raw: Option<Spread>,
    /// Minimum of `nest_over_ours`.
    pub nest_target: Option<f64>,
    /// Maximum of `ours_over_raw`.
    pub raw_target: Option<f64>,
    /// How busy the generator was in the median round, between 0 and 1.
    pub generator: Option<f64>,
}

/// A median and the extremes.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub struct Spread {
    /// The median: half of the values are no larger.
    pub median: f64,
    /// The smallest value.
    pub least: f64,
    /// The largest value.
    pub most: f64,
}

impl Outcome {
    /// Combines the rounds of a row.
    ///
    /// # Panics
    /// Panics if there is no round.
    #[must_use]
    pub fn of(name: &str, unit: Unit, target: Target, rounds: &[Round]) -> Self {
        let Target { nest, raw } = target;
        Self {
            name: name.to_owned(),
            unit,
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

    /// Returns whether both targets are met, or `None` if there are none.
    #[must_use]
    pub fn is_met(&self) -> Option<bool> {
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
    /// Returns the spread of the values, or `None` without values.
    pub fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        Some(Self {
            median: *values.get(values.len() / 2)?,
            least: *values.first()?,
            most: *values.last()?,
        })
    }
}
