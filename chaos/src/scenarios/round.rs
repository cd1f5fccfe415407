//! One round of a scenario: services, a proxy if the scenario has one, a caller, faults, healing,
//! an orderly end, and the check of the promises.

use std::{collections::HashSet, io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use fastrand::Rng;
use futures_util::future::join_all;
use nest_wire::client::{Client, ClientBuilder, ReconnectPolicy, Target};
use nest_wire_harness::{Harness, HarnessError};
use tokio::time::timeout;

use super::{Broken, Host, Load, Make, Pairing, Promise, host::saw, promises::check};
use crate::{
    Journal,
    caller::{Ask, Caller, Kind, NestCaller, Outcome, Record},
    numbers::Numbers,
    process::Signal,
    proxy::{Proxy, Weather},
};

/// The error of each call once a client of Nest 7 has lost one of its sockets while another one
/// connected. The client then considers itself connected and never connects again, whatever service
/// it calls.
const STUCK_NEST_7: &str = "Cannot read properties of null (reading 'on')";

/// Maximum time until the client works again.
const HEALS_WITHIN: Duration = Duration::from_secs(30);

/// Maximum time for events to get from the system's buffers to their handlers.
const ARRIVE_WITHIN: Duration = Duration::from_secs(10);

/// Maximum time for all calls in flight to end. Each call has a lower bound of its own.
const END_WITHIN: Duration = Duration::from_secs(120);

const PATIENT: Duration = Duration::from_secs(20);

/// The parameters of a round.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Seed of all random choices.
    pub seed: u64,
    /// The implementations of caller and service.
    pub pairing: Pairing,
    /// This package's program, which serves when it is run with `serve`.
    pub program: PathBuf,
    /// The Node side.
    pub harness: Harness,
}

/// The parts of a round.
#[derive(Debug)]
pub struct Round {
    /// Random numbers for the scenario.
    pub random: Rng,
    /// The services.
    pub hosts: Vec<Host>,
    /// The proxy between the caller and the first service, if the scenario has one.
    pub proxy: Option<Proxy>,
    /// The caller.
    pub caller: Arc<Caller>,
    numbers: Arc<Numbers>,
    records: Vec<Record>,
    /// The events that must be handled if they were sent.
    due: HashSet<u64>,
    broken: Vec<Broken>,
    load: Option<Load>,
    is_closed_by_service: bool,
}

/// The start of a scenario.
#[derive(Debug, Clone, Default)]
pub struct Start {
    /// Number of services. Only our client uses those beyond the first.
    pub hosts: usize,
    /// Flags of our service.
    pub flags: &'static [&'static str],
    /// Maximum number of descriptors of the service.
    pub descriptors: Option<u64>,
    /// The faults of the proxy, if there is one.
    pub weather: Option<Weather>,
}

impl Round {
    /// Starts services, proxy, caller and load.
    ///
    /// # Errors
    /// Fails if one of them does not start.
    pub async fn start(setting: &Setting, start: Start) -> Result<Self, HarnessError> {
        let mut random = Rng::with_seed(setting.seed);
        let mut hosts = Vec::new();
        for _ in 0..start.hosts.max(1) {
            let (make, harness) = (setting.pairing.service, setting.harness.clone());
            let flags = if make == Make::Ours { start.flags } else { &[] };
            hosts.push(Host::start(make, setting.program.clone(), harness, flags, start.descriptors).await?);
        }
        let not_bound = |source| HarnessError::File {
            path: "a socket or process".into(),
            source,
        };
        let proxy = match start.weather {
            Some(weather) => Some(
                Proxy::start(hosts[0].address(), random.u64(..), weather)
                    .await
                    .map_err(not_bound)?,
            ),
            None => None,
        };
        let mut addresses: Vec<_> = hosts.iter().map(Host::address).collect();
        if let Some(proxy) = &proxy {
            addresses[0] = proxy.address();
        }
        let caller = Arc::new(caller(setting, &addresses, &mut random).await.map_err(not_bound)?);
        let numbers = Arc::new(Numbers::new());
        let load = Load::start(&caller, &numbers, random.u64(..));
        Ok(Self {
            random,
            hosts,
            proxy,
            caller,
            numbers,
            records: Vec::new(),
            due: HashSet::new(),
            broken: Vec::new(),
            load: Some(load),
            is_closed_by_service: false,
        })
    }

    /// Draws a duration from this range of milliseconds.
    pub fn milliseconds(&mut self, range: std::ops::Range<u64>) -> Duration {
        Duration::from_millis(self.random.u64(range))
    }

    /// Sends events that must be handled whatever happens from now on. Returns when all have been
    /// sent or have failed.
    pub async fn send_due_events(&mut self, count: usize) {
        let notes: Vec<_> = (0..count).map(|_| Ask::note(self.numbers.next(), PATIENT)).collect();
        self.due.extend(notes.iter().map(|ask| ask.number));
        let records = join_all(notes.into_iter().map(|ask| self.caller.make(ask))).await;
        self.records.extend(records);
    }

    /// Ends the round. Checks that the client heals, stops the load, closes both sides in order,
    /// and checks all promises.
    pub async fn end(mut self) -> Vec<Broken> {
        if let Some(proxy) = &self.proxy {
            proxy.heal().await;
        }
        self.heals().await;
        self.stop_load().await;
        self.close().await;
        let mut journal = Journal::default();
        for host in &mut self.hosts {
            if let Err(error) = finish(host).await {
                self.broken.push(broken(Promise::Stops, &error.to_string()));
            }
            journal.merge(host.journal());
        }
        if self.is_closed_by_service {
            self.due.clear();
        }
        let twice = self.caller.ended_twice();
        self.broken.extend(check(&self.records, &self.due, &twice, &journal));
        self.broken
    }

    /// Ends the round like [`end`](Self::end), for a service that closes first: events that cross
    /// its close may be lost.
    pub async fn end_without_due_events(mut self) -> Vec<Broken> {
        self.is_closed_by_service = true;
        self.end().await
    }

    async fn heals(&mut self) {
        let answered = async {
            loop {
                let record = self
                    .caller
                    .make(Ask::quick(self.numbers.next(), Duration::from_secs(2)))
                    .await;
                let is_answered = record.outcome == Outcome::Answered;
                self.records.push(record);
                if is_answered {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if timeout(HEALS_WITHIN, answered).await.is_err() {
            let last = self.records.last().map(|record| &record.outcome);
            let is_nest_7 = matches!(&*self.caller, Caller::Nest(nest) if nest.major() == 7);
            if is_nest_7 && matches!(last, Some(Outcome::Failed { reason, .. }) if reason == STUCK_NEST_7) {
                return;
            }
            let what = format!("no call has succeeded {HEALS_WITHIN:?} after the last fault; the last: {last:?}");
            self.broken.push(broken(Promise::Heals, &what));
        }
    }

    async fn stop_load(&mut self) {
        let Some(load) = self.load.take() else { return };
        match timeout(END_WITHIN, load.stop()).await {
            Ok(records) => self.records.extend(records),
            Err(_) => {
                let what = format!("calls are under way {END_WITHIN:?} after the last was made");
                self.broken.push(broken(Promise::NothingHangs, &what));
            }
        }
    }

    /// Leaves replies on the way, sends events and closes. Everything that was sent must be
    /// handled.
    async fn close(&mut self) {
        let given_up = (0..20).map(|index| {
            let kind = match index % 2 {
                0 => Kind::Slow(40),
                _ => Kind::Values {
                    count: 2_000,
                    ms: 0,
                    taken: 1,
                },
            };
            Ask::plain(self.numbers.next(), kind, Duration::from_millis(10))
        });
        let given_up: Vec<_> = given_up.collect();
        let records = join_all(given_up.into_iter().map(|ask| self.caller.make(ask))).await;
        self.records.extend(records);
        self.send_due_events(200).await;
        if timeout(END_WITHIN, self.caller.close()).await.is_err() {
            self.broken
                .push(broken(Promise::NothingHangs, "the client does not close"));
        }
        let are_both_ours = self.hosts[0].make() == Make::Ours && matches!(*self.caller, Caller::Ours(_));
        if self.proxy.is_some() || !are_both_ours {
            // The proxy's or Node's buffers may still hold events, and a signal now would overtake
            // them.
            let due: Vec<_> = self.sent_and_due();
            saw(&self.hosts, &due, ARRIVE_WITHIN).await;
        }
    }

    fn sent_and_due(&self) -> Vec<u64> {
        let is_sent = |record: &&Record| record.outcome == Outcome::Sent && self.due.contains(&record.ask.number);
        self.records
            .iter()
            .filter(is_sent)
            .map(|record| record.ask.number)
            .collect()
    }
}

async fn finish(host: &mut Host) -> io::Result<()> {
    host.signal(Signal::SIGCONT)?;
    host.signal(Signal::SIGTERM)?;
    host.ended().await
}

fn broken(promise: Promise, what: &str) -> Broken {
    Broken {
        promise,
        number: None,
        what: what.to_owned(),
        journal: Vec::new(),
    }
}

async fn caller(setting: &Setting, addresses: &[SocketAddr], random: &mut Rng) -> io::Result<Caller> {
    match setting.pairing.caller {
        Make::Ours => {
            let target = drawn_target(addresses, random);
            Ok(Caller::Ours(drawn_config(random).build(target).expect("a client")))
        }
        Make::Nest(major) => {
            let caller = NestCaller::start(&setting.harness, major, addresses[0]).await?;
            Ok(Caller::Nest(Box::new(caller)))
        }
    }
}

/// Returns all addresses, or a resolver that returns some of them, others each time.
fn drawn_target(addresses: &[SocketAddr], random: &mut Rng) -> Target {
    if random.bool() {
        return addresses.iter().map(ToString::to_string).collect::<Vec<_>>().into();
    }
    let addresses = addresses.to_vec();
    Target::discover(move || {
        let mut known = addresses.clone();
        fastrand::shuffle(&mut known);
        known.truncate(fastrand::usize(1..=addresses.len()));
        std::future::ready(Ok(known))
    })
}

fn drawn_config(random: &mut Rng) -> ClientBuilder {
    let reconnect = match random.bool() {
        true => ReconnectPolicy::always(),
        false => ReconnectPolicy::on_demand().attempts(random.u32(1..6)),
    };
    let reconnect = reconnect
        .min_delay(Duration::from_millis(20))
        .max_delay(Duration::from_millis(300));
    let config = Client::builder()
        .connect_timeout(Duration::from_secs(2))
        .reconnect(reconnect)
        .discover_interval(Duration::from_millis(150))
        .connections(random.usize(1..=2));
    let config = match random.bool() {
        true => config.max_age(Duration::from_millis(random.u64(100..400))),
        false => config,
    };
    match random.bool() {
        true => config
            .max_in_flight(random.usize(4..64))
            .max_queued(random.usize(1..64)),
        false => config,
    }
}
