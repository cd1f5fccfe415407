//! Numbered random cases, and the report of a case in which the two sides differ.
//!
//! Each case has a generator of its own, seeded with the run's seed and the case's number. So a
//! case can be generated again without those before it.

use std::env;

use nest_wire::Compat;
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

/// Maximum number of simpler forms that are tried of a case that failed.
const ATTEMPTS: usize = 400;

/// The random input of one suite.
pub(crate) struct Cases<S> {
    strategy: S,
    count: usize,
    seed: u64,
}

/// A difference between the two sides on one of several inputs.
#[derive(Debug)]
pub(crate) struct Difference {
    /// The index of the input.
    pub(crate) at: usize,
    /// The input in a readable form.
    pub(crate) input: String,
    pub(crate) nest: String,
    pub(crate) ours: String,
}

impl<S: Strategy> Cases<S> {
    /// Makes at least `count` cases. The documentation of this binary explains the variables.
    pub(crate) fn new(count: usize, strategy: S) -> Self {
        let wanted = variable("NEST_WIRE_CASES").map_or(0, |cases| usize::try_from(cases).expect("so many cases"));
        Self {
            strategy,
            count: count.max(wanted),
            seed: variable("NEST_WIRE_SEED").unwrap_or(0),
        }
    }

    /// Makes `count` cases for one major of Nest. Each major has cases of its own.
    pub(crate) fn from_major(major: u8, count: usize, strategy: S) -> Self {
        let all = Self::new(count, strategy);
        let older_by = Compat::default().major() - major;
        Self {
            seed: all.seed.wrapping_add(u64::from(older_by) << 32),
            ..all
        }
    }

    /// Passes all cases to `compare`, in batches of `batch`.
    ///
    /// # Panics
    /// Panics with the first difference, its input simplified as far as possible.
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

    /// Returns the simplest form found of a case that differs, or `None` if it does not differ by
    /// itself.
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

/// Returns segments in a readable form.
pub(crate) fn shown(segments: &[Vec<u8>]) -> String {
    let segments: Vec<_> = segments
        .iter()
        .map(|segment| format!("b\"{}\"", segment.escape_ascii()))
        .collect();
    format!("[{}]", segments.join(", "))
}
