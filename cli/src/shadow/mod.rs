//! `nest-wire shadow`: callers get the answers of one service, and those of another are compared.

mod ask;
mod call;
mod choice;
mod copier;
mod fields;
mod held;
mod metrics;
mod outcome;
mod primary;
mod screen;
mod tally;
mod verdict;

use std::{
    cell::RefCell,
    num::{NonZeroU64, NonZeroUsize},
    path::PathBuf,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use clap::Args;
use nest_wire::client::{Client, Target};
use regex::Regex;
use tokio::{
    runtime::Builder,
    sync::Notify,
    task::{LocalSet, spawn_blocking},
};

pub(crate) use self::{
    outcome::{FieldOutcome, Outcome, PatternOutcome},
    screen::total,
};

/// The name of the command in its results.
pub(crate) const SHADOW: &str = "shadow";

use self::{
    call::{Results, Services},
    choice::Choice,
    copier::Copier,
    fields::Comparer,
    held::{MAX_REPLY_BYTES, Room},
    screen::Screen,
    tally::Tally,
};
use crate::{
    address::Address,
    bridge::{
        address::{From, To},
        self_call,
    },
    compare::{Comparison, How},
    duration,
    failure::{Failure, STATUSES, warn},
    listen::announce,
    listen_address::ListenAddress,
    pointer::Pointer,
    prometheus::MetricsOptions,
    record::tls::{ListenTls, ToTls},
    relay::{
        Relay,
        accept::Acceptor,
        connect::{absence, dialer, target},
        queue::{Receiver, queue},
    },
    result_file, share, signals,
    tls::TlsOptions,
    traffic::filter,
};

/// Compare a new service with the old one, on live traffic
///
/// A proxy in front of the old service, the primary: callers get its answers, byte for byte. The
/// new one, the candidate, gets a copy of each call, and its answers are compared. A candidate that
/// is slow, wrong or gone costs callers nothing. Copied calls act on the candidate: give it its own
/// data, or copy only what changes nothing.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_help = format!("{EXAMPLES}{STATUSES}"))]
pub(crate) struct ShadowArgs {
    /// Where callers connect to: 8889 (localhost), :8889 (all interfaces), tls://…, unix:PATH; port 0 picks one
    #[arg(long, value_name = "ADDRESS")]
    listen: ListenAddress,
    /// The service whose answers callers get
    #[arg(long, value_name = "ADDRESS")]
    primary: Address,
    /// The service that gets copies
    #[arg(long, value_name = "ADDRESS")]
    candidate: Address,
    /// Copy only calls of this pattern; repeatable
    #[arg(long, value_name = "PATTERN", value_parser = filter::route)]
    only: Vec<String>,
    /// Copy this share of the calls: 0.1, or 10%
    #[arg(long, default_value = "1", value_parser = share::parse)]
    share: f64,
    /// Choose the same calls in each run
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// Copy events too: the candidate acts on them
    #[arg(long)]
    events: bool,
    /// Learn which fields differ by themselves: ask the primary calls of this pattern, which must change nothing, a second time; repeatable
    #[arg(long, value_name = "PATTERN", value_parser = filter::route)]
    twice: Vec<String>,
    /// The same, for all calls that are copied: ask this service, another instance of the primary
    #[arg(long, value_name = "ADDRESS", conflicts_with = "twice")]
    secondary: Option<Address>,
    /// Do not compare these members, or what they contain: /response/at, /response/*/id; repeatable
    #[arg(long, value_name = "POINTER")]
    ignore: Vec<Pointer>,
    /// Texts and numbers that match this regular expression are equal to each other; repeatable
    #[arg(long, value_name = "REGEX")]
    ignore_value: Vec<Regex>,
    /// Neither compare nor show these values: /data/password, /response/*/token; repeatable
    #[arg(long, value_name = "POINTER")]
    mask: Vec<Pointer>,
    /// How replies are compared
    #[arg(long, value_enum, default_value_t)]
    compare: How,
    /// Connections to the candidate; with more than one, events may overtake each other
    #[arg(long, value_name = "NUMBER", default_value = "1")]
    connections: NonZeroUsize,
    /// Maximum number of copies in flight; calls beyond that are not copied
    #[arg(long, value_name = "NUMBER", default_value = "1000")]
    in_flight: NonZeroUsize,
    /// How long a whole reply may take, of the primary and of the candidate
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration::parse)]
    timeout: Duration,
    /// Number of differences of each field that are shown and kept
    #[arg(long, value_name = "NUMBER", default_value = "3")]
    samples: usize,
    /// End by itself after this time
    #[arg(long = "for", value_name = "DURATION", value_parser = duration::parse)]
    time: Option<Duration>,
    /// End by itself once this number of calls has been compared, or left unanswered by the candidate
    #[arg(long, value_name = "NUMBER")]
    calls: Option<NonZeroU64>,
    /// How long calls of callers in flight are waited for at the end
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration::parse_or_zero)]
    drain: Duration,
    /// JSON lines instead of text
    #[arg(long)]
    json: bool,
    /// Write the result to a file, which report makes a page of
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write over the file of --output if it exists
    #[arg(long, requires = "output")]
    force: bool,
    #[command(flatten)]
    metrics: MetricsOptions,
    #[command(flatten)]
    listen_tls: ListenTls,
    #[command(flatten)]
    to_tls: ToTls,
}

const EXAMPLES: &str = "\
Examples:
  nest-wire shadow --listen 8889 --primary localhost:8888 --candidate localhost:9000
  nest-wire shadow --listen 8889 --primary old:8888 --candidate new:8888 --only users.find --twice users.find
  nest-wire shadow --listen 8889 --primary old:8888 --candidate new:8888 --calls 1000 -o shadow.json

";

impl ShadowArgs {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        self.check().await?;
        let dialer = dialer(&self.primary, &self.tls())?;
        let enough = Arc::new(Notify::new());
        let plan = self.plan(&enough)?;
        let acceptor = Acceptor::bind(&self.listen, &self.listen_tls).await?;
        let addresses = acceptor.addresses()?;
        let page = self.metrics.serve().await?;
        // Before the line that scripts wait for: from here on, a signal ends this well.
        let stopped = signals::first();
        announce(&addresses);
        page.announce();
        let began = Instant::now();
        let (sender, receiver) = queue();
        let copying = thread::spawn(move || plan.copy(receiver));
        let relay = Relay::new(dialer, began, 0, sender);
        let stop = async {
            tokio::select! {
                _ = stopped => {}
                () = duration::passed(self.time) => {}
                () = enough.notified() => {}
                () = self.warn_of_absence() => {}
            }
        };
        let local = LocalSet::new();
        let cut = local.run_until(relay.run(acceptor, stop, self.drain)).await;
        cut.report();
        let copied = spawn_blocking(move || copying.join().expect("the copier does not panic"));
        let results = tokio::select! {
            results = copied => results.expect("the copier does not panic"),
            signal = signals::first() => return Err(Failure::stopped(signal, "copies were still in flight")),
        };
        let address = addresses.first().map_or("", String::as_str);
        verdict::give(&self, address, results, began.elapsed())
    }

    fn tls(&self) -> TlsOptions {
        self.to_tls.clone().into()
    }

    /// Checks what would make the whole run useless.
    async fn check(&self) -> Result<(), Failure> {
        let services = [Some(&self.primary), Some(&self.candidate), self.secondary.as_ref()];
        let services: Vec<To> = services.into_iter().flatten().cloned().map(To::Service).collect();
        self_call::refuse(&[From::Callers(self.listen.clone())], &services).await?;
        result_file::check(self.output.as_deref(), self.force)
    }

    /// Returns what the copying thread needs. Nothing is connected yet.
    fn plan(&self, enough: &Arc<Notify>) -> Result<Plan, Failure> {
        let again = match (&self.secondary, &self.twice[..]) {
            (Some(secondary), _) => Some(secondary),
            (None, []) => None,
            (None, _) => Some(&self.primary),
        };
        let target = |address: &Address| target(std::slice::from_ref(address), &self.tls());
        let comparison = Comparison::new(self.compare, self.ignore.clone(), self.ignore_value.clone());
        let enough = Arc::clone(enough);
        Ok(Plan {
            candidate: target(&self.candidate)?,
            again: again.map(target).transpose()?,
            choice: Choice::new(self),
            copies_events: self.events,
            connections: self.connections,
            in_flight: self.in_flight,
            limit: self.timeout,
            results: Results {
                tally: Tally::new(self.samples),
                comparer: Comparer::new(comparison, self.mask.clone()),
                screen: Screen::new(self.json),
                max_calls: self.calls.map(NonZeroU64::get),
                enough: Box::new(move || enough.notify_one()),
            },
        })
    }

    /// Says so if a service is not there when the shadow begins.
    async fn warn_of_absence(&self) {
        let services = [
            (Some(&self.primary), "callers are refused until it is there"),
            (Some(&self.candidate), "it gets copies once it is there"),
            (
                self.secondary.as_ref(),
                "what differs by itself is not learned until it is there",
            ),
        ];
        for (address, until) in services
            .into_iter()
            .filter_map(|(address, until)| Some((address?, until)))
        {
            if let Some(absent) = absence(address, &self.tls()).await {
                warn(format_args!("{absent}; {until}"));
            }
        }
        std::future::pending::<()>().await;
    }
}

/// What the copying thread is made of.
struct Plan {
    candidate: Target,
    again: Option<Target>,
    choice: Choice,
    copies_events: bool,
    connections: NonZeroUsize,
    in_flight: NonZeroUsize,
    limit: Duration,
    results: Results,
}

impl Plan {
    /// Copies, on this thread, until the traffic has ended.
    fn copy(self, mut events: Receiver) -> Results {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("the system has room for one more event queue");
        let client = |target: Target| {
            let builder = Client::builder()
                .connections(self.connections.get())
                .timeout(self.limit)
                .max_stream_buffer(MAX_REPLY_BYTES);
            builder.build(target).expect("a connector needs no address")
        };
        let services = Services {
            candidate: client(self.candidate),
            again: self.again.map(client),
            limit: self.limit,
            room: Room::default(),
            results: RefCell::new(self.results),
        };
        let copier = Copier::new(self.choice, self.copies_events, self.in_flight.get(), services);
        let results = LocalSet::new().block_on(&runtime, copier.run(&mut events));
        // Without waiting: a name look-up that outlasts its call would hold the process up.
        runtime.shutdown_background();
        results
    }
}
