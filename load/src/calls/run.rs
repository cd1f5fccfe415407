//! Runs over connections that are open.

use std::{
    future::poll_fn,
    io,
    sync::{Arc, Mutex, atomic::AtomicU64},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::JoinSet,
    time::Instant,
};

use super::{
    Ended, Pace, Plan, Tally,
    alarm::Alarm,
    connection::{Connection, Turn, locked},
    schedule::Schedule,
};

/// The condition at which a run begins no more calls. It waits for those in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// After this number of calls on all connections together.
    Count(u64),
    /// After this time.
    For(Duration),
}

/// Connections on which calls are made, run after run.
///
/// ```
/// use std::time::Duration;
///
/// use nest_wire::{
///     Compat,
///     packet::RawJson,
///     server::{HostListener, Payload, Router, serve},
/// };
/// use nest_wire_load::calls::{Call, Calls, Pace, Plan, Timers, Until};
/// use tokio::net::TcpStream;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let listener = HostListener::bind("127.0.0.1:0").await?;
/// let address = listener.local_addrs()?[0];
/// let router = Router::new().message("sum", async |Payload(numbers): Payload<Vec<f64>>| numbers.iter().sum::<f64>());
/// tokio::spawn(serve(listener, router).into_future());
///
/// let plan = Plan {
///     calls: vec![Call::request(&RawJson::new("\"sum\"")?, &RawJson::new("[1,2,3]")?, None, None)],
///     pace: Pace::Open { per_second: 1000.0 },
///     patience: Duration::from_secs(10),
///     compat: Compat::default(),
///     timers: Timers::Precise,
/// };
/// let mut calls = Calls::new(vec![TcpStream::connect(address).await?], plan);
/// calls.run(Until::Count(100)).await?;
/// assert_eq!(calls.tally().latency.len(), 100);
/// # Ok(()) }
/// ```
pub struct Calls<S> {
    connections: Vec<Connection<S>>,
    plan: Arc<Plan>,
    tally: Arc<Mutex<Tally>>,
    began: Instant,
    /// Number of calls that an open loop has to begin.
    due: Option<u64>,
    /// The connections that have ended before their time, and when.
    ended: Vec<(Duration, Ended)>,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Calls<S> {
    /// Makes the calls of a plan ready for these connections.
    #[must_use]
    pub fn new(streams: Vec<S>, plan: Plan) -> Self {
        let plan = Arc::new(plan);
        let connections = streams
            .into_iter()
            .map(|stream| Connection::new(stream, Arc::clone(&plan)));
        Self {
            connections: connections.collect(),
            tally: Arc::new(Mutex::new(Tally::new())),
            began: Instant::now(),
            due: None,
            ended: Vec::new(),
            plan,
        }
    }

    /// Makes calls until `until` and waits for their answers. May be called again: the figures are
    /// those of the last run. When the future is dropped, the run has ended, and no other can
    /// begin; the figures up to then remain.
    ///
    /// # Errors
    /// There are too few descriptors for the timers of an open loop. What goes wrong on a
    /// connection is in [`ended`](Self::ended).
    pub async fn run(&mut self, until: Until) -> io::Result<()> {
        self.tally = Arc::new(Mutex::new(Tally::new()));
        self.ended.clear();
        self.began = Instant::now();
        let schedules = self.schedules(until);
        let mut driven = JoinSet::new();
        for (mut connection, schedule) in self.connections.drain(..).zip(schedules) {
            let alarm = match schedule {
                Schedule::Open { .. } => Alarm::new(self.plan.timers)?,
                _ => Alarm::new(super::Timers::Coarse)?,
            };
            let mut turn = Turn::new(schedule, Arc::clone(&self.tally), alarm, self.plan.patience);
            driven.spawn(async move {
                let ended = poll_fn(|cx| connection.poll(&mut turn, cx)).await;
                (connection, ended)
            });
        }
        while let Some(joined) = driven.join_next().await {
            match joined.expect("no connection panics") {
                (connection, Ended::Well) => self.connections.push(connection),
                (_, ended) => self.ended.push((self.began.elapsed(), ended)),
            }
        }
        Ok(())
    }

    /// Returns the figures of the last run.
    #[must_use]
    pub fn tally(&self) -> Tally {
        locked(&self.tally).clone()
    }

    /// Returns the connections of the last run that have ended before its end, and when.
    #[must_use]
    pub fn ended(&self) -> &[(Duration, Ended)] {
        &self.ended
    }

    /// Returns the number of calls that the last run had to begin, if it was an open loop.
    #[must_use]
    pub fn due(&self) -> Option<u64> {
        self.due
    }

    fn schedules(&mut self, until: Until) -> Vec<Schedule> {
        let (start, connections) = (self.began, self.connections.len());
        match self.plan.pace {
            Pace::Closed { in_flight } => {
                let (count, end) = match until {
                    Until::Count(count) => (count, None),
                    Until::For(duration) => (u64::MAX, start.checked_add(duration)),
                };
                let left = Arc::new(AtomicU64::new(count));
                let schedule = |_| Schedule::Closed {
                    in_flight,
                    left: Arc::clone(&left),
                    end,
                };
                self.due = None;
                (0..connections).map(schedule).collect()
            }
            Pace::Open { per_second } => {
                let count = match until {
                    Until::Count(count) => count,
                    Until::For(duration) => (duration.as_secs_f64() * per_second).ceil() as u64,
                };
                self.due = Some(count);
                let schedule = |index| Schedule::open(start, per_second, count, index, connections);
                (0..connections).map(schedule).collect()
            }
        }
    }
}
