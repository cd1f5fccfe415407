//! `nest-wire replay`: plays one side of a recording against the other one, live.

mod book;
mod callers;
mod live;
mod report;
mod stand_in;
mod update;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use clap::{ArgGroup, Args};
use regex::Regex;
use tokio::task::LocalSet;

use crate::{
    address::Address,
    compare::{Comparison, How},
    duration,
    failure::{Failure, STATUSES, Status, say, warn},
    input::{Input, Options as InputOptions},
    listen::announce,
    listen_address::ListenAddress,
    plural::counted,
    pointer::Pointer,
    record::tls::{ListenTls, ToTls},
    relay::{accept::Acceptor, connect::dialer},
    signals,
    traffic::filter::Only,
};
use book::{Book, Repeat};
use callers::{Player, Speed, Stop};
use report::Report;
use stand_in::{StandIn, Until};
use update::Update;

/// Play one side of a recording against the other one, live
///
/// With --to it makes the recorded calls and compares every answer; with --listen it answers
/// callers under test with what was recorded, and nothing else.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_help = format!("{EXAMPLES}{STATUSES}"))]
#[command(group = ArgGroup::new("side").required(true).args(["to", "listen"]))]
pub(crate) struct Replay {
    /// A recording, or - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Play the callers against the service there, and compare its answers with the recorded ones
    #[arg(long, value_name = "ADDRESS")]
    to: Option<Address>,
    /// Play the service there, for callers under test
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<ListenAddress>,
    /// Do not compare these members, or what they contain: /response/at, /response/*/id; with --listen, of requests; repeatable
    #[arg(long, value_name = "POINTER")]
    ignore: Vec<Pointer>,
    /// Read a file that ends inside a line up to there
    #[arg(long)]
    truncated: bool,
    #[command(flatten)]
    callers: CallersArgs,
    #[command(flatten)]
    service: ServiceArgs,
    #[command(flatten)]
    listen_tls: ListenTls,
    #[command(flatten)]
    to_tls: ToTls,
}

const EXAMPLES: &str = "\
Examples:
  nest-wire replay orders.jsonl --to localhost:8888 --ignore /response/at
  nest-wire replay orders.jsonl --listen 8888 --until all

";

/// How the callers are played.
#[derive(Debug, Args)]
#[command(next_help_heading = "With --to")]
struct CallersArgs {
    /// How fast: max, recorded, or a number of times as fast as recorded
    #[arg(long, default_value = "max", value_parser = speed, conflicts_with = "listen")]
    speed: Speed,
    /// How many times
    #[arg(long = "loop", value_name = "N", default_value = "1", value_parser = clap::value_parser!(u64).range(1..), conflicts_with = "listen")]
    times: u64,
    /// How long to wait for an answer, and between the values of a stream
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration::parse, conflicts_with = "listen")]
    timeout: Duration,
    /// Only calls of this pattern; repeatable
    #[arg(long, value_name = "PATTERN", conflicts_with = "listen")]
    only: Vec<Only>,
    /// Only this connection
    #[arg(long, value_name = "N", conflicts_with = "listen")]
    connection: Option<u32>,
    /// How replies are compared
    #[arg(long, value_enum, default_value_t, conflicts_with = "listen")]
    compare: How,
    /// Texts and numbers that match this regular expression are equal to each other; repeatable
    #[arg(long, value_name = "REGEX", conflicts_with = "listen")]
    ignore_value: Vec<Regex>,
    /// Do not send events
    #[arg(long, conflicts_with = "listen")]
    skip_events: bool,
    /// Do not send frames that were broken when they were recorded
    #[arg(long, conflicts_with = "listen")]
    skip_broken: bool,
    /// End at the first difference
    #[arg(long, conflicts_with = "listen")]
    fail_fast: bool,
    /// Write what came into FILE, in place of the recorded answers
    #[arg(long, conflicts_with_all = ["listen", "only", "times", "connection"])]
    update: bool,
    /// Update also if the service answered with errors where values were recorded
    #[arg(long, requires = "update")]
    force: bool,
    /// Write a JUnit report
    #[arg(long, value_name = "FILE", conflicts_with = "listen")]
    junit: Option<PathBuf>,
    /// JSON lines instead of text
    #[arg(long, conflicts_with = "listen")]
    json: bool,
}

/// How the service is played.
#[derive(Debug, Args)]
#[command(next_help_heading = "With --listen")]
struct ServiceArgs {
    /// When answers come: at once, or after the recorded time
    #[arg(long, value_enum, default_value_t, conflicts_with = "to")]
    timing: Timing,
    /// When to end: signal, all (every recorded answer was asked for), or idle=DURATION
    #[arg(long, default_value = "signal", value_parser = until, conflicts_with = "to")]
    until: Until,
    /// What a request gets that is asked more often than it was recorded
    #[arg(long, value_enum, default_value_t, conflicts_with = "to")]
    repeat: Repeat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Timing {
    /// At once
    #[default]
    None,
    /// After the recorded time
    Recorded,
}

fn speed(text: &str) -> Result<Speed, &'static str> {
    match text {
        "max" => Ok(Speed::Max),
        "recorded" => Ok(Speed::Times(1.0)),
        number => match number.parse() {
            Ok(times) if times > 0.0 && f64::is_finite(times) => Ok(Speed::Times(times)),
            _ => Err("max, recorded, or a number above 0"),
        },
    }
}

fn until(text: &str) -> Result<Until, &'static str> {
    match text.split_once('=') {
        None if text == "signal" => Ok(Until::Signal),
        None if text == "all" => Ok(Until::All),
        Some(("idle", time)) => duration::parse(time).map(Until::Idle),
        _ => Err("signal, all, or idle=DURATION"),
    }
}

impl Replay {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        match (self.to.clone(), self.listen.clone()) {
            (Some(to), _) => self.play_callers(to).await,
            (None, Some(listen)) => self.play_service(listen).await,
            (None, None) => unreachable!("clap requires one of them"),
        }
    }

    fn input(&self) -> Result<Input, Failure> {
        let options = InputOptions {
            truncated: self.truncated,
            ..InputOptions::default()
        };
        Input::open(&self.file, options)
    }

    async fn play_service(self, listen: ListenAddress) -> Result<(), Failure> {
        let input = self.input()?;
        let name = input.name.clone();
        let masked = masked(&input);
        let ignored = self.ignore.into_iter().chain(masked).collect();
        let book = Book::read(input.events, self.service.repeat, ignored)?;
        if book.is_empty() {
            return Err(Failure::new(Status::Usage, format!("{name} holds no answered call")));
        }
        let acceptor = Acceptor::bind(&listen, &self.listen_tls).await?;
        // Before the line that scripts wait for: from here on, a signal brings the verdict.
        let stopped = signals::first();
        announce(&acceptor.addresses()?);
        let stand_in = StandIn::new(book, self.service.timing == Timing::Recorded);
        LocalSet::new()
            .run_until(stand_in.run(acceptor, self.service.until, stopped))
            .await
    }

    async fn play_callers(self, to: Address) -> Result<(), Failure> {
        self.check_standard_input()?;
        let began = Instant::now();
        let mut report = Report::new(self.callers.json, self.callers.junit.is_some());
        for _ in 0..self.callers.times {
            let played = LocalSet::new().run_until(self.play_once(&to, report)).await;
            report = match played {
                Ok(report) => report,
                Err(Stopped { report, stop }) => return self.stopped(report, stop, &to, began),
            };
        }
        self.verdict(report, began)
    }

    /// Standard input can be read once, and not replaced.
    fn check_standard_input(&self) -> Result<(), Failure> {
        let option = match () {
            () if self.file.as_os_str() != "-" => return Ok(()),
            () if self.callers.update => "--update",
            () if self.callers.times > 1 => "--loop",
            () => return Ok(()),
        };
        Err(Failure::usage(format_args!(
            "{option} needs a file, not standard input"
        )))
    }

    /// Plays the recording from its beginning to its end.
    async fn play_once(&self, to: &Address, report: Report) -> Result<Report, Stopped> {
        let input = self.input()?;
        let (name, masked) = (input.name.clone(), masked(&input));
        let kinds = self.callers.ignore_value.clone();
        let comparison = Comparison::new(self.callers.compare, self.ignore.clone(), kinds).mask(masked.clone());
        let update = match self.callers.update {
            true => Some(Update::new(&self.file, input.about.clone(), masked)?),
            false => None,
        };
        let dialer = dialer(to, &self.to_tls.clone().into())?;
        let mut player = Player::new(dialer, self.options(), comparison, report, update);
        let played = tokio::select! {
            played = play(&mut player, input) => played,
            signal = signals::first() => Err(Failure::stopped(signal, "not all of the recording was played").into()),
        };
        if let Err(stop) = played {
            let report = Some(player.stopped());
            return Err(Stopped { report, stop });
        }
        let (report, comparison, update) = player.finish().await?;
        for pointer in comparison.unused() {
            warn(format_args!("--ignore {pointer} matched nothing"));
        }
        if let Some(update) = update {
            self.update(update, &report)?;
        }
        if report.compared == 0 {
            let (events, calls) = (
                counted(report.events, "event"),
                counted(report.unanswered, "unanswered call"),
            );
            let what = format!("{name}: nothing was compared: {events} and {calls}");
            return Err(Failure::new(Status::Unwanted, what).into());
        }
        Ok(report)
    }

    /// Says how far a replay came that ended before its time.
    fn stopped(&self, report: Option<Report>, stop: Stop, to: &Address, began: Instant) -> Result<(), Failure> {
        if let Stop::Unreachable(error) = stop {
            let calls = match self.file.as_os_str() == "-" {
                true => "no call was made".to_owned(),
                false => format!("0 of {} were made", counted(count_calls(self.input()?)?, "call")),
            };
            return Err(error.failure(to).after(&calls));
        }
        if let Some(report) = report {
            self.write(report, began)?;
        }
        match stop {
            Stop::Failed(failure) => Err(failure),
            _ => Err(Failure::silent(Status::Unwanted)),
        }
    }

    fn options(&self) -> callers::Options {
        callers::Options {
            speed: self.callers.speed,
            timeout: self.callers.timeout,
            only: self.callers.only.clone(),
            connection: self.callers.connection,
            sends_events: !self.callers.skip_events,
            skips_broken: self.callers.skip_broken,
            fails_fast: self.callers.fail_fast,
        }
    }

    fn update(&self, update: Update, report: &Report) -> Result<(), Failure> {
        if update.has_errors && !self.callers.force {
            let what = "the service answered with errors where values were recorded: nothing was updated";
            return Err(Failure::new(Status::Unwanted, what).hint("--force updates all the same"));
        }
        update.finish()?;
        say(format_args!(
            "{}: {} updated",
            self.file.display(),
            counted(report.differ, "call")
        ));
        Ok(())
    }

    /// Writes the report, and that for CI.
    fn write(&self, report: Report, began: Instant) -> Result<(), Failure> {
        report.finish(began.elapsed())?;
        match &self.callers.junit {
            Some(junit) => report.write_junit(junit),
            None => Ok(()),
        }
    }

    fn verdict(&self, report: Report, began: Instant) -> Result<(), Failure> {
        let (differ, lost) = (report.differ, report.lost);
        self.write(report, began)?;
        match (differ, lost) {
            (1.., _) if !self.callers.update => Err(Failure::silent(Status::Unwanted)),
            (_, 1..) => Err(Failure::silent(Status::NoConnection)),
            _ => Ok(()),
        }
    }
}

/// A replay that ended before its time, and what it had found until then.
struct Stopped {
    report: Option<Report>,
    stop: Stop,
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Self {
        Stop::from(failure).into()
    }
}

impl From<Stop> for Stopped {
    fn from(stop: Stop) -> Self {
        Self { report: None, stop }
    }
}

async fn play(player: &mut Player, input: Input) -> Result<(), Stop> {
    for event in input.events {
        player.play(&event?).await?;
        // An event may need no waiting: the tasks that read replies get their turn all the same.
        tokio::task::coop::consume_budget().await;
    }
    Ok(())
}

/// Returns the pointers that were masked when the file was recorded.
fn masked(input: &Input) -> Vec<Pointer> {
    input.masked.iter().filter_map(|pointer| pointer.parse().ok()).collect()
}

/// Returns the number of requests in a file.
fn count_calls(input: Input) -> Result<u64, Failure> {
    let mut reading = crate::traffic::reading::Reading::default();
    let mut calls = 0;
    for event in input.events {
        reading.read(&event?, |entry| {
            if let crate::traffic::entry::What::Packet(seen) = &entry.what {
                calls += u64::from(seen.kind == crate::traffic::packet::Kind::Request);
            }
        });
    }
    Ok(calls)
}
