//! `nest-wire bridge`: passes calls on to one of several services, or to NATS.

pub(crate) mod address;
mod backend;
mod handler;
mod listener;
mod nats;
mod reach;
mod recording;
pub(crate) mod self_call;

use std::{
    num::NonZeroUsize,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use clap::Args;
use futures_util::future::{BoxFuture, FutureExt, join_all};
use nest_wire::server::{Limits, Router, ShutdownOutcome, serve};
use tokio_util::sync::CancellationToken;

use crate::{
    address::Address,
    duration,
    failure::{Failure, STATUSES, say},
    faults::{FaultOptions, Faults},
    listen::announce,
    plural::counted,
    prometheus::MetricsOptions,
    record::tls::{ListenTls, ToTls},
    relay::{accept::Acceptor, cut::Cut, tee::Tap},
    signals,
};
use address::{From, To};
use backend::Backend;
use handler::Bridge;
use listener::BridgeListener;
use recording::{RecordOptions, Recording};

/// Pass calls on to one of several services, or to NATS
///
/// Stands between callers, which have one connection each, and services. Packets pass as they are
/// but for the id, and each call goes to the less busy service.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_help = format!("{EXAMPLES}{STATUSES}"))]
pub(crate) struct BridgeArgs {
    /// Where callers connect to: 8888 (localhost), :8888 (all interfaces), tls://…, unix:PATH, nats://HOST:PORT; repeatable
    #[arg(long, value_name = "ADDRESS", required = true)]
    listen: Vec<From>,
    /// Where the services are: users-1:8888, tls://users:8888, unix:PATH; repeatable. Or, alone, dns:users:8888 or dns:tls://users:8888 (all addresses of a name) or nats://HOST:PORT
    #[arg(long, value_name = "ADDRESS", required = true)]
    to: Vec<To>,
    /// Subjects to subscribe to with --listen nats://: users.>,log
    #[arg(long, value_name = "SUBJECT", value_delimiter = ',')]
    subjects: Vec<String>,
    /// Queue group for --listen nats://, so that bridges share the messages
    #[arg(long, value_name = "NAME")]
    queue: Option<String>,
    /// Connections to each service
    #[arg(long, value_name = "NUMBER", default_value = "1")]
    connections: NonZeroUsize,
    /// How often to look up the name of --to dns: again [default: 10s]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    refresh: Option<Duration>,
    /// Refuse requests, and drop events, while this many are in flight
    #[arg(long, value_name = "NUMBER")]
    in_flight: Option<NonZeroUsize>,
    /// How long a service may take for a reply, or for each further value
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration::parse)]
    timeout: Duration,
    /// How long to wait at the end for what is in flight
    #[arg(long, value_name = "DURATION", default_value = "25s", value_parser = duration::parse_or_zero)]
    drain: Duration,
    #[command(flatten)]
    metrics: MetricsOptions,
    /// Do not start if no service can be reached
    #[arg(long)]
    strict: bool,
    /// Print a line for each request that could not be passed on
    #[arg(short, long)]
    verbose: bool,
    #[command(flatten)]
    recording: RecordOptions,
    #[command(flatten)]
    faults: FaultOptions,
    #[command(flatten)]
    listen_tls: ListenTls,
    #[command(flatten)]
    to_tls: ToTls,
}

/// How often a name is looked up again.
const REFRESH: Duration = Duration::from_secs(10);

const EXAMPLES: &str = "\
Examples:
  nest-wire bridge --listen 8888 --to users-1:8888 --to users-2:8888 --to users-3:8888
  nest-wire bridge --listen 8888 --to dns:users-headless:8888
  nest-wire bridge --listen 8888 --to nats://localhost:4222
  nest-wire bridge --listen 8888 --to users:8888 --delay 20ms..200ms --fail 1%:close

";

impl BridgeArgs {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        self.check()?;
        self_call::refuse(&self.listen, &self.to).await?;
        reach::each(&self.to, &self.to_tls.clone().into(), self.strict).await?;
        let bridge = Arc::new(Bridge {
            backend: self.backend().await?,
            faults: Faults::new(self.faults.clone()),
            is_verbose: self.verbose,
            counts: handler::Counts::default(),
        });
        let stop = CancellationToken::new();
        let acceptors = self.bind().await?;
        // An address that is taken costs no older recording.
        let recording = self.recording.begin(&listed(&self.listen), &listed(&self.to))?;
        let tap = recording.as_ref().map(Recording::tap);
        let (addresses, services) = self.services(&bridge, acceptors, tap, &stop).await?;
        let page = self.metrics.serve().await?;
        // Before the line that scripts wait for: from here on, a signal ends this well.
        let stopped = signals::first();
        announce(&addresses);
        page.announce();
        let mut serving = join_all(services).boxed();
        let ended = tokio::select! {
            _ = stopped => {
                stop.cancel();
                drain(serving, &bridge.backend).await
            }
            outcomes = &mut serving => ended_early(outcomes),
        };
        summarise(&bridge.counts);
        let recorded = match recording {
            Some(recording) => recording.finish().await,
            None => Ok(()),
        };
        ended.and(recorded)
    }

    fn check(&self) -> Result<(), Failure> {
        for to in self.to.iter().filter(|_| self.to.len() > 1) {
            let reason = match to {
                To::Nats(_) => "--to nats:// stands alone: NATS itself spreads the calls",
                To::Dns { .. } => "--to dns: stands alone: all services are addresses of that name",
                To::Service(_) => continue,
            };
            return Err(Failure::usage(reason));
        }
        if self.refresh.is_some() && !matches!(&self.to[..], [To::Dns { .. }]) {
            return Err(Failure::usage("--refresh is for --to dns:"));
        }
        let listens_to_nats = self.listen.iter().any(|from| matches!(from, From::Nats(_)));
        if listens_to_nats && self.recording.record.is_some() {
            return Err(Failure::usage("--record is not for --listen nats://"));
        }
        match (listens_to_nats, self.subjects.is_empty()) {
            (true, true) => Err(Failure::usage("--listen nats:// needs --subjects")
                .hint("a bridge cannot know what the service behind it handles: --subjects users.>,log")),
            (false, false) => Err(Failure::usage("--subjects is for --listen nats://")),
            _ => Ok(()),
        }
    }

    /// Returns the addresses of services that were typed.
    fn addresses(&self) -> Vec<Address> {
        let service = |to: &To| match to {
            To::Service(address) => Some(address.clone()),
            To::Dns { .. } | To::Nats(_) => None,
        };
        self.to.iter().filter_map(service).collect()
    }

    async fn backend(&self) -> Result<Backend, Failure> {
        let limits = backend::Limits {
            connections: self.connections,
            in_flight: self.in_flight,
            timeout: self.timeout,
            drain: self.drain,
        };
        match &self.to[..] {
            [To::Nats(server)] => nats::backend(server, self.timeout).await,
            [To::Dns { place, is_tls }] => {
                let tls = is_tls.then(|| self.to_tls.clone().into());
                Backend::named(place, tls.as_ref(), self.refresh.unwrap_or(REFRESH), limits)
            }
            _ => Backend::services(&self.addresses(), &self.to_tls.clone().into(), limits),
        }
    }

    /// Listens everywhere. Returns the addresses, and a future for each listener.
    async fn services(
        &self,
        bridge: &Arc<Bridge>,
        acceptors: Vec<Option<Acceptor>>,
        tap: Option<Tap>,
        stop: &CancellationToken,
    ) -> Result<(Vec<String>, Vec<BoxFuture<'static, Result<(), Failure>>>), Failure> {
        let routes = Router::new().fallback(bridge.handler()).into_routes();
        let (mut addresses, mut services) = (Vec::new(), Vec::new());
        for (from, acceptor) in self.listen.iter().zip(acceptors) {
            let stopped = stop.clone().cancelled_owned();
            match (from, acceptor) {
                (From::Callers(_), acceptor) => {
                    let acceptor = acceptor.expect("bound for each address of callers");
                    addresses.extend(acceptor.addresses()?);
                    let mut limits = Limits::default();
                    limits.max_in_flight = self.in_flight;
                    let listener = BridgeListener {
                        acceptor,
                        tap: tap.clone(),
                    };
                    let serving = serve(listener, Arc::clone(&routes))
                        .limits(limits)
                        .drain_timeout(self.drain)
                        .with_graceful_shutdown(stopped);
                    services.push(
                        async {
                            if let ShutdownOutcome::Cut { connections } = serving.await {
                                let certain = connections;
                                Cut { certain, possible: 0 }.report();
                            }
                            Ok(())
                        }
                        .boxed(),
                    );
                }
                (From::Nats(server), _) => {
                    let service = nats::Service {
                        subjects: &self.subjects,
                        queue: self.queue.as_deref(),
                        drain: self.drain,
                    };
                    services.push(service.subscribe(server, bridge, stopped).await?);
                    addresses.push(server.clone());
                }
            }
        }
        Ok((addresses, services))
    }

    /// Returns what accepts callers at each address; nothing for NATS.
    async fn bind(&self) -> Result<Vec<Option<Acceptor>>, Failure> {
        let mut acceptors = Vec::new();
        for from in &self.listen {
            acceptors.push(match from {
                From::Callers(address) => Some(Acceptor::bind(address, &self.listen_tls).await?),
                From::Nats(_) => None,
            });
        }
        Ok(acceptors)
    }
}

/// Waits for what is in flight, unless a second signal comes.
async fn drain(serving: impl Future, backend: &Backend) -> Result<(), Failure> {
    let stopped_again = signals::first();
    let ending = async {
        serving.await;
        backend.close().await;
    };
    tokio::select! {
        () = ending => Ok(()),
        signal = stopped_again => Err(Failure::stopped(signal, "requests were still in flight")),
    }
}

/// Returns the failure of a listener that ended before it was asked to.
fn ended_early(outcomes: Vec<Result<(), Failure>>) -> Result<(), Failure> {
    outcomes.into_iter().collect()
}

/// Returns addresses as they are noted in a recording.
fn listed(addresses: &[impl ToString]) -> String {
    let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    addresses.join(" ")
}

fn summarise(counts: &handler::Counts) {
    let count = |count: &std::sync::atomic::AtomicU64| count.load(Relaxed);
    let (requests, events) = (count(&counts.requests), count(&counts.events));
    let mut line = format!("{}, {}", counted(requests, "request"), counted(events, "event"));
    for (number, what) in [
        (count(&counts.failed), "could not be passed on"),
        (count(&counts.faults), "failed on purpose"),
    ] {
        if number > 0 {
            line += &format!(", {number} {what}");
        }
    }
    say(line);
}
