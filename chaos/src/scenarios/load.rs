//! Callers at work while faults come and go.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use fastrand::Rng;
use tokio::{task::JoinSet, time::sleep};

use crate::{
    caller::{Ask, Caller, Outcome, Record},
    numbers::Numbers,
};

/// How many calls are under way at once.
const WORKERS: u64 = 12;

/// The maximum number of calls of one worker, for what its records take of memory.
const MAX_CALLS: usize = 20_000;

/// Calls of all kinds, made until they are stopped.
#[derive(Debug)]
pub struct Load {
    workers: JoinSet<Vec<Record>>,
    is_over: Arc<AtomicBool>,
}

impl Load {
    /// Starts making calls, which are drawn from `seed`.
    #[must_use]
    pub fn start(caller: &Arc<Caller>, numbers: &Arc<Numbers>, seed: u64) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let mut workers = JoinSet::new();
        for worker in 0..WORKERS {
            let (caller, numbers, is_over) = (Arc::clone(caller), Arc::clone(numbers), Arc::clone(&is_over));
            let random = Rng::with_seed(seed.wrapping_add(worker));
            workers.spawn(work(caller, numbers, is_over, random));
        }
        Self { workers, is_over }
    }

    /// Makes no more calls, and waits until those under way have ended. Returns the records of all.
    pub async fn stop(mut self) -> Vec<Record> {
        self.is_over.store(true, SeqCst);
        let mut records = Vec::new();
        while let Some(worker) = self.workers.join_next().await {
            records.extend(worker.expect("no worker panics"));
        }
        records
    }
}

async fn work(caller: Arc<Caller>, numbers: Arc<Numbers>, is_over: Arc<AtomicBool>, mut random: Rng) -> Vec<Record> {
    let mut records = Vec::new();
    while !is_over.load(SeqCst) && records.len() < MAX_CALLS {
        let record = caller.make(Ask::draw(numbers.next(), &mut random)).await;
        // Where nobody answers, calls fail at once: a pause keeps them from filling the time with nothing else.
        let most = match record.outcome {
            Outcome::Failed { .. } => 20_000,
            _ => 3_000,
        };
        records.push(record);
        sleep(Duration::from_micros(random.u64(..most))).await;
    }
    records
}
