//! `nest-wire inspect`: recorded or captured traffic, in lines, pairs or a table.

pub(crate) mod json;
mod output;
mod pairs;

use std::{
    fs::File,
    io::{self, BufWriter, IsTerminal},
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use nest_wire::recording::{Event, Side, Writer};

use crate::{
    duration,
    failure::{Failure, STATUSES, Status, say, warn},
    input::{Input, Options},
    plural::counted,
    pointer::Pointer,
    record::{
        file::{Existing, create},
        screen::columns,
    },
    traffic::{
        entry::{Entry, What},
        filter::{Filter, Only, kind, route},
        line::Width,
        mask::Mask,
        packet::Kind,
        reading::Reading,
        summary::Summary,
    },
};
use output::{Output, Screen};
use pairs::Pairs;

/// Show recorded or captured traffic, packet by packet
///
/// Shows kinds, patterns and times, ties answers to requests, and explains broken frames.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_help = format!("{EXAMPLES}{STATUSES}"))]
pub(crate) struct Inspect {
    /// A recording, a capture, or - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The file holds the bytes of one side and nothing else
    #[arg(long, value_name = "caller|service", value_parser = side)]
    raw: Option<Side>,
    /// The port of the service, in a capture; otherwise its frames decide
    #[arg(long, value_name = "N", conflicts_with = "raw")]
    port: Option<u16>,
    /// Only this connection
    #[arg(long, value_name = "N")]
    connection: Option<u32>,
    /// Only packets of this pattern; repeatable
    #[arg(long, value_name = "PATTERN", value_parser = route)]
    pattern: Vec<String>,
    /// Only packets with this id
    #[arg(long)]
    id: Option<String>,
    /// Only this kind: request, event, value, last, completion, error, nohandler, broken; repeatable
    #[arg(long, value_parser = kind, conflicts_with_all = ["pairs", "summary"])]
    kind: Vec<Kind>,
    /// Only errors, missing handlers and broken frames; with --pairs, only calls that failed
    #[arg(long, conflicts_with = "summary")]
    errors: bool,
    /// Only replies that took at least this long; with --pairs, only their calls
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, conflicts_with = "summary")]
    slower: Option<Duration>,
    /// Only from this time on, since the recording began
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    from: Option<Duration>,
    /// Only up to this time, since the recording began
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    to: Option<Duration>,
    /// Show also when connections open and close
    #[arg(long)]
    connections: bool,
    /// A line for each call instead of each packet
    #[arg(long, conflicts_with = "summary")]
    pairs: bool,
    /// Only the table of patterns
    #[arg(long)]
    summary: bool,
    /// Do not cut texts, and indent JSON
    #[arg(long, conflicts_with_all = ["summary", "pairs", "json"])]
    full: bool,
    /// JSON lines instead of text
    #[arg(long)]
    json: bool,
    /// Write "***" instead of these values: /data/password, /response/*/token; repeatable
    #[arg(long, value_name = "POINTER")]
    mask: Vec<Pointer>,
    /// Write a recording instead of showing the traffic: of all, or of --connection, --from and --to
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["pattern", "id", "kind", "errors", "slower", "connections", "pairs", "summary", "full", "json"])]
    output: Option<PathBuf>,
    /// Write over the file of --output if it exists
    #[arg(long, requires = "output")]
    force: bool,
    /// End with status 1 if anything is broken or missing
    #[arg(long)]
    strict: bool,
    /// Read a file that ends inside a line or a packet up to there
    #[arg(long)]
    truncated: bool,
}

const EXAMPLES: &str = "\
Examples:
  nest-wire inspect orders.jsonl --errors
  nest-wire inspect orders.jsonl --summary
  nest-wire inspect orders.jsonl --mask /data/password -o masked.jsonl

";

pub(crate) fn side(text: &str) -> Result<Side, &'static str> {
    match text {
        "caller" => Ok(Side::Caller),
        "service" => Ok(Side::Service),
        _ => Err("caller or service"),
    }
}

impl Inspect {
    pub(crate) fn run(self) -> Result<(), Failure> {
        if let Some(output) = &self.output
            && is_same_file(&self.file, output)
        {
            let what = format!("{} is the traffic itself: --output would replace it", output.display());
            return Err(Failure::usage(what));
        }
        let options = Options {
            raw: self.raw,
            truncated: self.truncated,
            port: self.port,
        };
        let input = Input::open(&self.file, options)?;
        let name = input.name.clone();
        let mut inspection = Inspection::new(&self, input.is_file)?;
        for event in input.events {
            inspection.event(event?)?;
        }
        if inspection.is_empty {
            return Err(Failure::new(Status::Usage, format!("{name} holds no traffic")));
        }
        inspection.finish()
    }

    fn filter(&self) -> Filter {
        let patterns = self.pattern.iter().cloned().map(Only::Pattern);
        let kinds = self.kind.iter().copied().map(Only::Kind);
        Filter {
            connection: self.connection,
            patterns: patterns.collect(),
            kinds: kinds.collect(),
            id: self.id.clone(),
            // With --pairs, these apply to the last reply of a call, so its request must pass here.
            errors: self.errors && !self.pairs,
            slower: self.slower.filter(|_| !self.pairs),
            from: self.from,
            to: self.to,
            connections: self.connections,
            ..Filter::default()
        }
    }

    /// Returns the filter that the last reply of a call must pass.
    fn outcome(&self) -> Filter {
        Filter {
            errors: self.errors,
            slower: self.slower,
            ..Filter::default()
        }
    }
}

/// Returns true if both names are of one file that exists.
pub(crate) fn is_same_file(one: &Path, other: &Path) -> bool {
    one.canonicalize()
        .is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

/// What is being read, and what is made of it.
struct Inspection {
    mask: Mask,
    masked: Masked,
    is_empty: bool,
}

/// What is made of events without secrets.
struct Masked {
    reading: Reading,
    found: Found,
}

/// What is made of entries.
struct Found {
    summary: Summary,
    filter: Filter,
    /// Number of packets that were shown.
    shown: u64,
    /// Number of entries that are broken or missing.
    faults: u64,
    is_strict: bool,
    output: Output,
}

impl Inspection {
    fn new(args: &Inspect, is_file: bool) -> Result<Self, Failure> {
        let screen = Screen::new(!is_file);
        let width = match (args.full, io::stdout().is_terminal()) {
            (true, _) => Width::Indented,
            (false, true) => Width::Columns(columns()),
            (false, false) => Width::Unlimited,
        };
        let output = match &args.output {
            Some(path) => Output::Recording(recording(path, args)?),
            None if args.summary => Output::Summary(screen, args.json),
            None if args.pairs => Output::Pairs(screen, Pairs::new(args.json, width, args.outcome())),
            None if args.json => Output::Json(screen),
            None => Output::Lines(screen, width),
        };
        Ok(Self {
            mask: Mask::new(args.mask.clone(), false),
            masked: Masked {
                reading: Reading::default(),
                found: Found {
                    summary: Summary::default(),
                    filter: args.filter(),
                    shown: 0,
                    faults: 0,
                    is_strict: args.strict,
                    output,
                },
            },
            is_empty: true,
        })
    }

    fn event(&mut self, event: Event) -> Result<(), Failure> {
        self.is_empty = false;
        let mut done = Ok(());
        self.mask.apply(event, |event| {
            if done.is_ok() {
                done = self.masked.event(&event);
            }
        });
        done
    }

    fn finish(mut self) -> Result<(), Failure> {
        let mut done = Ok(());
        self.mask.finish(|event| {
            if done.is_ok() {
                done = self.masked.event(&event);
            }
        });
        done?;
        for warning in self.mask.warnings() {
            warn(warning);
        }
        let Masked { reading, mut found } = self.masked;
        let mut done = Ok(());
        reading.finish(|entry| {
            if done.is_ok() {
                done = found.entry(&entry);
            }
        });
        done?;
        found.finish()
    }
}

impl Masked {
    fn event(&mut self, event: &Event) -> Result<(), Failure> {
        let Self { reading, found } = self;
        if let Output::Recording(writer) = &mut found.output
            && found.filter.takes(event.connection, event.at)
        {
            writer.write(event)?;
        }
        let mut done = Ok(());
        reading.read(event, |entry| {
            if done.is_ok() {
                done = found.entry(&entry);
            }
        });
        Ok(done?)
    }
}

impl Found {
    fn entry(&mut self, entry: &Entry) -> io::Result<()> {
        self.faults += u64::from(is_fault(entry));
        let passes = self.filter.passes(entry);
        if passes || !matches!(self.output, Output::Summary(..)) {
            self.summary.add(entry);
        }
        if passes {
            self.shown += u64::from(self.output.entry(entry)?);
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(), Failure> {
        let packets = self.summary.packets;
        self.shown += self.output.finish(&self.summary)?;
        if self.shown == 0 && packets > 0 && !matches!(self.output, Output::Recording(_)) {
            say(format_args!("0 of {}", counted(packets, "packet")));
        }
        match self.is_strict && self.faults > 0 {
            true => Err(Failure::silent(Status::Unwanted)),
            false => Ok(()),
        }
    }
}

fn is_fault(entry: &Entry) -> bool {
    match &entry.what {
        What::Packet(seen) => seen.why.is_some(),
        What::Missing(_) | What::Skipped(_) => true,
        _ => false,
    }
}

/// Creates the recording that is written.
fn recording(path: &Path, args: &Inspect) -> Result<Writer<BufWriter<File>>, Failure> {
    let existing = Existing::forced(args.force);
    let file = create(path, existing, "--force writes over it")?;
    let masked: Vec<String> = args.mask.iter().map(ToString::to_string).collect();
    let mut notes = std::collections::BTreeMap::new();
    notes.insert("tool".to_owned(), format!("nest-wire {}", env!("CARGO_PKG_VERSION")));
    if !masked.is_empty() {
        notes.insert("masked".to_owned(), masked.join(" "));
    }
    Ok(Writer::new(BufWriter::new(file), notes)?)
}
