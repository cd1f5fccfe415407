//! Callers that make calls during faults.

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

/// Number of calls in flight at a time.
const WORKERS: u64 = 12;

/// Maximum number of calls of one worker. It bounds the memory of the records.
const MAX_CALLS: usize = 20_000;

/// Calls of all kinds, made until the load is stopped.
#[derive(Debug)]
pub struct Load {
    workers: JoinSet<Vec<Record>>,
    is_over: Arc<AtomicBool>,
}

impl Load {
    /// Starts making calls, drawn from `seed`.
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

    /// Stops making calls and waits until the calls in flight have ended. Returns the records of
    /// all calls.
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
        // Calls fail at once while no service answers. A pause limits the number of such calls.
        let most = match record.outcome {
            Outcome::Failed { .. } => 20_000,
            _ => 3_000,
        };
        records.push(record);
        sleep(Duration::from_micros(random.u64(..most))).await;
    }
    records
}
