//! Connects, makes the first call, warms up and measures.

use std::{
    io::{self, IsTerminal},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use nest_wire::json::{Maybe, Value};
use nest_wire_load::{
    calls::{Calls, Ended, Pace, Plan, Tally, Timers, Until},
    usage,
};
use tokio::time::Instant;

use super::{Bench, questions::Questions};
use crate::{
    caller::{Asked, Caller},
    dial::stream::Stream,
    failure::{Failure, Status},
    metadata::with_metadata,
    signals::{self, Signal},
};

/// Connections that are ready to be measured.
pub(super) struct Measuring {
    calls: Calls<Stream>,
    until: Until,
}

/// The figures of a run.
pub(super) struct Measured {
    pub(super) tally: Tally,
    pub(super) wall: Duration,
    /// CPU time of this process, where the system counts it.
    pub(super) own_cpu: Option<Duration>,
    /// The connections that have ended before their time, and when.
    pub(super) ended: Vec<(Duration, Ended)>,
    /// Number of calls that were due, in an open loop.
    pub(super) due: Option<u64>,
    /// The signal that ended the run.
    pub(super) stopped: Option<Signal>,
}

impl Measuring {
    /// Opens all connections. The first call shows whether there is anything to measure.
    pub(super) async fn prepare(bench: &Bench, questions: &Questions) -> Result<Self, Failure> {
        let caller = Caller::new(&bench.connect, bench.timeout)?;
        caller.connect().await?;
        if !bench.emit {
            first_call(&caller, questions).await?;
        }
        let mut streams = Vec::with_capacity(bench.connections.get());
        // One after the other, since a service's queue for new ones is short.
        for _ in 0..bench.connections.get() {
            streams.push(caller.dial().await?);
        }
        let plan = Plan {
            calls: questions.prepared(bench.emit),
            pace: match bench.rate {
                Some(per_second) => Pace::Open { per_second },
                None => Pace::Closed {
                    in_flight: bench.in_flight,
                },
            },
            patience: bench.timeout,
            compat: bench.connect.nest,
            timers: Timers::Precise,
        };
        let until = match bench.count {
            Some(count) => Until::Count(count.get()),
            None => Until::For(bench.duration),
        };
        Ok(Self {
            calls: Calls::new(streams, plan),
            until,
        })
    }

    /// Warms up and measures. A signal ends the run, and what was measured up to then counts.
    pub(super) async fn measure(mut self, bench: &Bench) -> Result<Measured, Failure> {
        let mut signal = std::pin::pin!(signals::first());
        if !bench.warm_up().is_zero() {
            let _progress = Progress::start("warming up");
            tokio::select! {
                run = self.calls.run(Until::For(bench.warm_up())) => run.map_err(|error| no_timers(&error))?,
                signal = &mut signal => return Err(Failure::stopped(signal, "nothing is measured yet")),
            }
            if let Some((after, ended)) = self.calls.ended().first() {
                return Err(super::verdict::of_connection(
                    ended,
                    *after,
                    self.calls.ended().len(),
                    bench,
                ));
            }
        }
        let _progress = Progress::start("measuring");
        let (began, cpu) = (Instant::now(), usage::of_this_thread());
        let stopped = tokio::select! {
            run = self.calls.run(self.until) => run.map_err(|error| no_timers(&error)).map(|()| None)?,
            signal = signal => Some(signal),
        };
        let own_cpu = usage::of_this_thread().zip(cpu).map(|(after, before)| after - before);
        Ok(Measured {
            tally: self.calls.tally(),
            wall: began.elapsed(),
            own_cpu,
            ended: self.calls.ended().to_vec(),
            due: self.calls.due(),
            stopped,
        })
    }
}

/// Makes one call of the first kind. An error that a handler answers with is measured like any
/// other; that nobody handles the pattern is not worth measuring.
async fn first_call(caller: &Caller, questions: &Questions) -> Result<(), Failure> {
    let first = &questions.all[0];
    let request = caller.request(first.pattern.clone()).data(&first.data);
    let answer = with_metadata(request, questions.metadata.as_ref())
        .send::<Maybe<Value>>()
        .await;
    match answer {
        Err(error) if error.is_no_handler() || error.as_rpc().is_none() => {
            let route = first.route.clone();
            let failure = caller.failure(&error, &Asked::Message { route, values: 0 });
            Err(failure.of("the first call failed"))
        }
        _ => Ok(()),
    }
}

fn no_timers(error: &io::Error) -> Failure {
    Failure::new(Status::Usage, format_args!("the system has no more timers: {error}"))
}

/// A sign of life, on a terminal only.
struct Progress(Option<ProgressBar>);

impl Progress {
    fn start(what: &'static str) -> Self {
        Self(io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{spinner} {msg} {elapsed}").expect("a template");
            let bar = ProgressBar::new_spinner().with_style(style).with_message(what);
            // Seldom: it is a thread beside the one that measures.
            bar.enable_steady_tick(Duration::from_millis(500));
            bar
        }))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
