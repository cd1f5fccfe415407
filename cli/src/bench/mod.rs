//! `nest-wire bench`: how many calls a service answers, and how long they take.

mod against;
mod descriptors;
mod latencies;
mod measuring;
mod outcome;
mod questions;
mod screen;
mod threshold;
pub(crate) mod units;
mod verdict;

use std::{
    io::{self, Write},
    num::{NonZeroU64, NonZeroUsize},
    path::PathBuf,
    time::Duration,
};

use clap::Args;

pub(crate) use self::{against::BENCH, latencies::Latencies, outcome::Outcome, threshold::LATENCIES};

use self::{against::Earlier, measuring::Measuring, questions::Questions, threshold::Threshold};
use crate::{
    caller::ConnectOptions,
    data::Source,
    duration,
    failure::{Failure, STATUSES, say},
    metadata::MetadataOptions,
    result_file,
    traffic::text::json_line,
};

/// Measure how many calls a service answers, and how long they take
///
/// Without --rate, a call begins when an earlier one has ended (a closed loop): while the
/// service stalls it is asked nothing, so that a stall counts once. With --rate, calls begin
/// when they are due, and their latency counts from then: as callers would feel it.
/// The first call is made alone and not measured.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_help = format!("{EXAMPLES}{STATUSES}"))]
pub(crate) struct Bench {
    /// Number of connections
    #[arg(short, long, value_name = "N", default_value = "1")]
    connections: NonZeroUsize,
    /// Number of calls in flight on each connection
    #[arg(short, long, value_name = "N", default_value = "64", value_parser = in_flight, conflicts_with = "rate")]
    in_flight: usize,
    /// How long calls begin; then those in flight are waited for
    #[arg(short = 'z', long, value_name = "DURATION", default_value = "10s", value_parser = duration::parse)]
    duration: Duration,
    /// Make this number of calls instead
    #[arg(short = 'n', long, value_name = "N", conflicts_with = "duration")]
    count: Option<NonZeroU64>,
    /// Begin so many calls each second, whether or not earlier ones were answered
    #[arg(long, value_name = "PER SECOND", value_parser = rate)]
    rate: Option<f64>,
    /// Send events, which nobody answers: one has ended when the system has taken it
    #[arg(long, conflicts_with = "expect")]
    emit: bool,
    /// Compare each answer with this value; of several values the last
    #[arg(long, value_name = "JSON")]
    expect: Option<String>,
    /// Make calls for this long first, and do not measure them [default: 1s, or none with -n]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse_or_zero)]
    warm_up: Option<Duration>,
    /// End with status 1 if this is so: p99>50ms,errors>0.1%; repeatable
    ///
    /// It knows p50, p90, p95, p99, p99.9, p99.99, max, errors (a number or a share) and rate.
    #[arg(long, value_name = "CONDITION", value_delimiter = ',')]
    fail_if: Vec<Threshold>,
    /// Make these calls in turn: JSON lines, {"pattern": ..., "data": ...}
    #[arg(long, value_name = "FILE", conflicts_with = "pattern")]
    calls: Option<PathBuf>,
    /// Print the result as a line of JSON, for programs
    #[arg(long)]
    json: bool,
    /// Write that line to a file too
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write over the file of --output if it exists
    #[arg(long, requires = "output")]
    force: bool,
    /// Compare with an earlier result, a file of --output
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// How long to wait while calls are in flight and none ends
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration::parse)]
    timeout: Duration,
    #[command(flatten)]
    metadata: MetadataOptions,
    #[command(flatten)]
    connect: ConnectOptions,
    /// The pattern: JSON if it begins with { or [, else a string
    #[arg(allow_negative_numbers = true, required_unless_present = "calls")]
    pattern: Option<String>,
    /// The data: JSON, @FILE, or - for standard input; {} if absent
    #[arg(allow_negative_numbers = true)]
    data: Option<Source>,
}

const EXAMPLES: &str = "\
Examples:
  nest-wire bench localhost:8888 sum '[1,2,3]'
  nest-wire bench -c 4 -i 16 -z 30s --expect 6 localhost:8888 sum '[1,2,3]'
  nest-wire bench --rate 2000 --fail-if 'p99>50ms,errors>0.1%' localhost:8888 sum '[1,2,3]'

";

/// The warm-up that nobody has chosen.
const WARM_UP: Duration = Duration::from_secs(1);

impl Bench {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let questions = Questions::read(&self)?;
        let earlier = self.against.as_deref().map(Earlier::read).transpose()?;
        result_file::check(self.output.as_deref(), self.force)?;
        descriptors::check(self.connections.get(), self.rate.is_some())?;
        let measured = Measuring::prepare(&self, &questions).await?.measure(&self).await?;
        let outcome = Outcome::new(&self, &questions, &measured);
        self.print(&outcome, earlier.as_ref())?;
        result_file::write(self.output.as_deref(), self.force, &outcome)?;
        verdict::of(&self, &outcome, &measured)
    }

    fn print(&self, outcome: &Outcome, earlier: Option<&Earlier>) -> Result<(), Failure> {
        let text = match self.json {
            true => json_line(outcome) + "\n",
            false => screen::of(outcome),
        };
        io::stdout().write_all(text.as_bytes())?;
        match earlier.map(|earlier| earlier.compared_with(outcome)) {
            // The line is for programs, the comparison for people.
            Some(compared) if self.json => say(compared.trim_end()),
            Some(compared) => io::stdout().write_all(compared.as_bytes())?,
            None => {}
        }
        Ok(())
    }

    fn warm_up(&self) -> Duration {
        let default = match self.count {
            Some(_) => Duration::ZERO,
            None => WARM_UP,
        };
        self.warm_up.unwrap_or(default)
    }
}

/// Reads the number of calls in flight, which the ids of the calls limit.
fn in_flight(text: &str) -> Result<usize, &'static str> {
    let number = text.parse().ok().filter(|number| (1..=99_999).contains(number));
    number.ok_or("it takes 1 to 99999")
}

fn rate(text: &str) -> Result<f64, &'static str> {
    let number = text.parse().ok();
    let number = number.filter(|rate: &f64| *rate >= 0.001 && *rate <= 1e9);
    number.ok_or("write a number of calls per second: 2000")
}
