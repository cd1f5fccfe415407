//! Endurance: calls of all kinds for as long as wanted, every answer checked, memory and descriptors watched.
//!
//! The service runs in a process of its own, the clients in this one. Most calls are small and pipelined; among them are
//! payloads up to 1 MB, streams, errors, events, calls that are dropped or time out, and clients that come and go.

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

/// How many clients there are all the time.
const CLIENTS: usize = 4;

/// How many calls each of them has under way.
const WORKERS: usize = 48;

/// How often `done` and `seconds` are compared with what is wanted.
const LOOK: Duration = Duration::from_millis(50);

/// How many samples a run has at least.
const SAMPLES: f64 = 40.0;

/// The longest pause between two samples.
const SAMPLE_EVERY: Duration = Duration::from_secs(5);

/// How long sockets may take to be gone after their clients.
const SETTLES_WITHIN: Duration = Duration::from_secs(20);

/// How long to go on, and from where all that is random comes.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Ends after so many requests.
    pub requests: u64,
    /// Ends after so long.
    pub time: Duration,
    /// The seed.
    pub seed: u64,
    /// The program that serves when it is run with `serve`.
    pub program: PathBuf,
}

/// What a run has found.
#[derive(Debug)]
pub struct Findings {
    /// Requests and events made.
    pub done: u64,
    /// How long it took.
    pub took: Duration,
    /// Memory and descriptors over time.
    pub samples: Vec<Sample>,
    /// What went wrong, if anything.
    pub faults: Vec<String>,
}

/// What all callers share.
#[derive(Debug)]
struct Shared {
    done: AtomicU64,
    is_over: AtomicBool,
    payloads: Payloads,
}

/// Runs the soak.
///
/// # Errors
/// The service does not start.
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
        // An answer, if only that nobody handles it, shows that the service has accepted the connection, which counts.
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

/// Takes samples until the run is over, or a caller has ended early: it has found a fault.
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

/// Waits until both processes have as many descriptors as before the load. Returns what is wrong if that does not happen.
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
