//! Cases: numbered random input, and what to do about one that the two sides see differently.
//!
//! Each case has a generator of its own, seeded with the run's seed and the case's number; so a case can be made again
//! without those before it.

use std::env;

use nest_wire::Compat;
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

/// How often a case that failed may be tried in a simpler form.
const ATTEMPTS: usize = 400;

/// The random input of one suite.
pub(crate) struct Cases<S> {
    strategy: S,
    count: usize,
    seed: u64,
}

/// What the two sides made of one of several inputs.
#[derive(Debug)]
pub(crate) struct Difference {
    /// Which of the inputs it was.
    pub(crate) at: usize,
    /// The input, as it is best read.
    pub(crate) input: String,
    pub(crate) nest: String,
    pub(crate) ours: String,
}

impl<S: Strategy> Cases<S> {
    /// At least `count` cases: see this binary's documentation.
    pub(crate) fn new(count: usize, strategy: S) -> Self {
        let wanted = variable("NEST_WIRE_CASES").map_or(0, |cases| usize::try_from(cases).expect("so many cases"));
        Self {
            strategy,
            count: count.max(wanted),
            seed: variable("NEST_WIRE_SEED").unwrap_or(0),
        }
    }

    /// Those for one major of Nest: `count` for each, every time other ones.
    pub(crate) fn from_major(major: u8, count: usize, strategy: S) -> Self {
        let all = Self::new(count, strategy);
        let older_by = Compat::default().major() - major;
        Self {
            seed: all.seed.wrapping_add(u64::from(older_by) << 32),
            ..all
        }
    }

    /// Gives `compare` all cases, `batch` of them at a time.
    ///
    /// # Panics
    /// With the first difference, its input made as simple as it gets.
    pub(crate) async fn run(&self, batch: usize, mut compare: impl AsyncFnMut(&[S::Value]) -> Option<Difference>) {
        for first in (0..self.count).step_by(batch) {
            let last = self.count.min(first + batch);
            let inputs: Vec<_> = (first..last).map(|case| self.tree(case).current()).collect();
            if let Some(difference) = compare(&inputs).await {
                let (case, seed) = (first + difference.at, self.seed);
                let simplest = self.simplify(case, &mut compare).await;
                let is_alone = if simplest.is_some() { "" } else { ", but not alone" };
                let Difference { input, nest, ours, .. } = simplest.unwrap_or(difference);
                panic!("case {case} of seed {seed}{is_alone}:\n input: {input}\n  nest: {nest}\n  ours: {ours}");
            }
        }
    }

    fn tree(&self, case: usize) -> S::Tree {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.seed.to_le_bytes());
        seed[8..16].copy_from_slice(&(case as u64).to_le_bytes());
        let random = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
        let mut runner = TestRunner::new_with_rng(Config::default(), random);
        self.strategy
            .new_tree(&mut runner)
            .expect("no strategy here rejects what it makes")
    }

    /// The simplest form found of a case that differs; `None` if it does not differ alone.
    async fn simplify(
        &self,
        case: usize,
        compare: &mut impl AsyncFnMut(&[S::Value]) -> Option<Difference>,
    ) -> Option<Difference> {
        let mut tree = self.tree(case);
        let mut simplest = Some(compare(&[tree.current()]).await?);
        let mut moved = tree.simplify();
        for _ in 0..ATTEMPTS {
            if !moved {
                break;
            }
            moved = match compare(&[tree.current()]).await {
                None => tree.complicate(),
                differs => {
                    simplest = differs;
                    tree.simplify()
                }
            };
        }
        simplest
    }
}

fn variable(name: &str) -> Option<u64> {
    let value = env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name}={value}: not a number")))
}

/// Segments as a person can read them.
pub(crate) fn shown(segments: &[Vec<u8>]) -> String {
    let segments: Vec<_> = segments
        .iter()
        .map(|segment| format!("b\"{}\"", segment.escape_ascii()))
        .collect();
    format!("[{}]", segments.join(", "))
}
