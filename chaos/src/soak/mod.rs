//! Endurance: calls of all kinds for a long time. Every reply is checked, memory and descriptors
//! are watched.
//!
//! The service has a process of its own, the clients run in this one. Most calls are small and
//! pipelined. The others are payloads up to 1 MB, streams, errors, events, calls that are dropped
//! or time out, and clients that connect and disconnect.

mod chart;
mod coming;
mod flat;
mod payloads;
mod sample;
mod work;

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use nest_wire::client::{CallError, Client};
use nest_wire_harness::{HarnessError, Service};
use tokio::{
    process::Command,
    task::JoinSet,
    time::{interval, sleep},
};

pub use chart::draw;
pub use flat::is_flat;
pub use sample::{Sample, write_csv};

use payloads::Payloads;
use work::Worker;

/// Number of permanent clients.
const CLIENTS: usize = 4;

/// Number of calls in flight of each client.
const WORKERS: usize = 48;

/// Time between two checks of `done` and `seconds`.
const LOOK: Duration = Duration::from_millis(50);

/// Minimum number of samples of a run.
const SAMPLES: f64 = 40.0;

/// Maximum time between two samples.
const SAMPLE_EVERY: Duration = Duration::from_secs(5);

/// Maximum time for sockets to disappear after their clients.
const SETTLES_WITHIN: Duration = Duration::from_secs(20);

/// The length of a run and its seed.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Number of requests after which the run ends.
    pub requests: u64,
    /// Time after which the run ends.
    pub time: Duration,
    /// The seed.
    pub seed: u64,
    /// The program that serves when it is run with `serve`.
    pub program: PathBuf,
}

/// The result of a run.
#[derive(Debug)]
pub struct Findings {
    /// Number of requests and events made.
    pub done: u64,
    /// Duration of the run.
    pub took: Duration,
    /// Memory and descriptors over time.
    pub samples: Vec<Sample>,
    /// Descriptions of faults, if there were any.
    pub faults: Vec<String>,
}

/// The state that all callers share.
#[derive(Debug)]
struct Shared {
    done: AtomicU64,
    is_over: AtomicBool,
    payloads: Payloads,
}

/// Runs the soak.
///
/// # Errors
/// Fails if the service does not start.
pub async fn run(plan: &Plan) -> Result<Findings, HarnessError> {
    let mut command = Command::new(&plan.program);
    command.args(["serve", "--quiet"]);
    let service = Service::start("our service", command).await?;
    let process = service.id().expect("it listens");
    let clients: Vec<_> = (0..CLIENTS).map(|_| client(&service)).collect();
    let shared = Arc::new(Shared {
        done: AtomicU64::new(0),
        is_over: AtomicBool::new(false),
        payloads: Payloads::new(),
    });
    let mut faults = Vec::new();
    for client in &clients {
        // Any reply shows that the service has accepted the connection, even one that says that
        // there is no handler.
        match client.check("nobody").await {
            Ok(()) | Err(CallError::Rpc(_)) => {}
            Err(error) => faults.push(format!("cannot connect: {error}")),
        }
    }
    let quiet = sample::take(process, Duration::ZERO, 0);
    let mut callers = JoinSet::new();
    for (index, client) in clients.iter().cycle().take(CLIENTS * WORKERS).enumerate() {
        let seed = plan.seed.wrapping_add(index as u64);
        callers.spawn(Worker::new(client.clone(), Arc::clone(&shared), seed).run());
    }
    callers.spawn(coming::come_and_go(
        service.address().to_string(),
        Arc::clone(&shared),
        plan.seed,
    ));

    let start = Instant::now();
    let samples = watch(plan, process, &shared, start, &mut callers, &mut faults).await;
    let took = start.elapsed();
    shared.is_over.store(true, Relaxed);
    while let Some(ended) = callers.join_next().await {
        collect(ended, &mut faults);
    }
    let done = shared.done.load(Relaxed);
    faults.extend(settles(process, quiet, done).await);
    faults.extend(is_flat(&samples).err());
    Ok(Findings {
        done,
        took,
        samples,
        faults,
    })
}

fn client(service: &Service) -> Client {
    Client::builder()
        .build(service.address().to_string())
        .expect("a client")
}

/// Takes samples until the run is over. Ends early if a caller has ended, because it has found a
/// fault.
async fn watch(
    plan: &Plan,
    process: u32,
    shared: &Shared,
    start: Instant,
    callers: &mut JoinSet<Result<(), String>>,
    faults: &mut Vec<String>,
) -> Vec<Sample> {
    let every = plan.time.div_f64(SAMPLES).min(SAMPLE_EVERY).max(LOOK);
    let (mut samples, mut due) = (Vec::new(), every);
    let mut looks = interval(LOOK);
    loop {
        tokio::select! {
            Some(ended) = callers.join_next() => {
                collect(ended, faults);
                return samples;
            }
            _ = looks.tick() => {}
        }
        let (elapsed, done) = (start.elapsed(), shared.done.load(Relaxed));
        if elapsed >= due {
            due += every;
            match sample::take(process, elapsed, done) {
                Ok(sample) => {
                    println!("{}", sample.against(samples.last()));
                    samples.push(sample);
                }
                Err(error) => faults.push(format!("the service is gone: {error}")),
            }
        }
        if elapsed >= plan.time || done >= plan.requests || !faults.is_empty() {
            return samples;
        }
    }
}

fn collect(ended: Result<Result<(), String>, tokio::task::JoinError>, faults: &mut Vec<String>) {
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(fault)) => faults.push(fault),
        Err(panic) => faults.push(panic.to_string()),
    }
}

/// Waits until both processes have as many descriptors as before the load. Returns a description if
/// that does not happen.
async fn settles(process: u32, quiet: io::Result<Sample>, done: u64) -> Option<String> {
    let quiet = match quiet {
        Ok(quiet) => quiet,
        Err(error) => return Some(format!("the service was gone: {error}")),
    };
    let last = Instant::now() + SETTLES_WITHIN;
    loop {
        match sample::take(process, Duration::ZERO, done) {
            Ok(now) if now.has_no_more_descriptors_than(&quiet) => return None,
            Ok(now) if Instant::now() > last => return Some(format!("descriptors before {quiet:?}, after {now:?}")),
            Err(error) => return Some(format!("the service is gone: {error}")),
            Ok(_) => sleep(LOOK).await,
        }
    }
}
