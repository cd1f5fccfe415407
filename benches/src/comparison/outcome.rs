//! What a row came to.

/// Each contender's figure in one round.
#[derive(Debug, Clone, Copy, Default)]
pub struct Round {
    /// Nest's, where it takes part.
    pub nest: Option<f64>,
    /// Ours.
    pub ours: f64,
    /// The raw server's, where it takes part.
    pub raw: Option<f64>,
    /// How busy the generator was while our server had its turn, between 0 and 1; nothing where there is no load.
    pub generator: Option<f64>,
}

/// What the ratios should be.
#[derive(Debug, Clone, Copy, Default)]
pub struct Target {
    /// Nest's figure over ours, at least.
    pub nest: Option<f64>,
    /// Our figure over the raw server's, at most.
    pub raw: Option<f64>,
}

impl Target {
    /// Nest's figure over ours is to be at least this.
    #[must_use]
    pub const fn at_least(nest: f64) -> Self {
        Self {
            nest: Some(nest),
            raw: None,
        }
    }

    /// Our figure over the raw server's is to be at most this, too.
    #[must_use]
    pub const fn and_at_most(mut self, raw: f64) -> Self {
        self.raw = Some(raw);
        self
    }
}

/// What a figure is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Of CPU time, or of waiting.
    Nanoseconds,
    /// Of memory.
    Bytes,
}

/// A row's ratios over all rounds.
#[derive(Debug, serde::Serialize)]
pub struct Outcome {
    /// The row's.
    pub name: String,
    /// Of the figures.
    pub unit: Unit,
    /// Our figure.
    pub ours: Spread,
    /// Nest's figure.
    pub nest: Option<Spread>,
    /// The raw server's figure.
    pub raw: Option<Spread>,
    /// Round by round.
    pub nest_over_ours: Option<Spread>,
    /// Round by round.
    pub ours_over_raw: Option<Spread>,
    /// At least.
    pub nest_target: Option<f64>,
    /// At most.
    pub raw_target: Option<f64>,
    /// How busy the generator was in the median round, between 0 and 1.
    pub generator: Option<f64>,
}

/// A median, and the extremes.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub struct Spread {
    /// Half are no larger.
    pub median: f64,
    /// The smallest.
    pub least: f64,
    /// The largest.
    pub most: f64,
}

impl Outcome {
    /// Puts the rounds of a row together.
    ///
    /// # Panics
    /// If there is no round.
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

    /// Whether both targets are met; nothing if there are none.
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
    /// Of nothing there is none.
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
