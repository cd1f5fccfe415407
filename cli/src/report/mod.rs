//! `nest-wire report`: traffic as a page to look at and to hand on.

mod escaped;
mod loads;
mod packets;
mod page;
mod row;
mod shadow;
mod table;
mod timeline;

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use clap::Args;
use nest_wire::recording::{Event, Side};

use self::{escaped::Html, loads::Load, packets::Packets, timeline::Timeline};
use crate::{
    bench::BENCH,
    failure::{Failure, STATUSES, Status, file_reason, warn},
    input::{Input, Options},
    inspect::{is_same_file, side},
    plural::counted,
    pointer::Pointer,
    record::file::{Existing, create},
    result_file,
    shadow::SHADOW,
    traffic::{
        entry::{Entry, What},
        mask::Mask,
        reading::Reading,
        summary::Summary,
    },
};

/// Make a page of recorded or captured traffic, to look at and to hand on
///
/// One HTML file with a timeline, a table by pattern and the packets. It loads nothing.
/// Of results of bench (its -o), it has the figures and histograms, of several over one another; of
/// one of shadow, the fields that differ with examples.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_help = format!("{EXAMPLES}{STATUSES}"))]
pub(crate) struct ReportArgs {
    /// A recording, a capture, or - for standard input; or results of bench
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The page to write, or - for standard output
    #[arg(short, long, value_name = "FILE", default_value = "report.html")]
    output: PathBuf,
    /// Write over the file of --output if it exists
    #[arg(long)]
    force: bool,
    /// Open the page in the browser
    #[arg(long)]
    open: bool,
    /// The title of the page [default: the name of FILE]
    #[arg(long)]
    title: Option<String>,
    /// Write "***" instead of these values: /data/password, /response/*/token; repeatable
    #[arg(long, value_name = "POINTER")]
    mask: Vec<Pointer>,
    /// Maximum number of packets that are listed
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    packets: u32,
    /// The file holds the bytes of one side and nothing else
    #[arg(long, value_name = "caller|service", value_parser = side)]
    raw: Option<Side>,
    /// The port of the service, in a capture; otherwise its frames decide
    #[arg(long, value_name = "N", conflicts_with = "raw")]
    port: Option<u16>,
    /// Read a file that ends inside a line or a packet up to there
    #[arg(long)]
    truncated: bool,
}

const EXAMPLES: &str = "\
Examples:
  nest-wire report orders.jsonl
  nest-wire report orders.jsonl -o orders.html --title Orders --mask /data/password

";

impl ReportArgs {
    pub(crate) fn run(self) -> Result<(), Failure> {
        self.check_output()?;
        if self.files.iter().any(|file| result_file::is(file, BENCH)) {
            return self.of_loads();
        }
        let [file] = &*self.files else {
            let message = "several files are only shown together if they are results of nest-wire bench";
            return Err(Failure::usage(message));
        };
        if result_file::is(file, SHADOW) {
            return self.of_shadow(file);
        }
        let options = Options {
            raw: self.raw,
            truncated: self.truncated,
            port: self.port,
        };
        let input = Input::open(file, options)?;
        let mut report = Report::new(self.packets);
        let mut mask = Mask::new(self.mask.clone(), false);
        for event in input.events {
            mask.apply(event?, |event| report.event(&event));
        }
        mask.finish(|event| report.event(&event));
        if report.is_empty {
            return Err(Failure::new(Status::Usage, format!("{} holds no traffic", input.name)));
        }
        report.finish();
        for warning in mask.warnings() {
            warn(warning);
        }
        let title = self.title.clone().unwrap_or_else(|| self.name());
        self.write(|out| page::write(&mut Html::new(out), &title, &input.about, &report))?;
        if self.output.as_os_str() != "-" {
            let totals = page::totals(&report.summary);
            writeln!(io::stdout(), "{}: {totals}", self.output.display())?;
        }
        Ok(())
    }

    /// Makes the page of results of bench.
    fn of_loads(&self) -> Result<(), Failure> {
        let loads = self
            .files
            .iter()
            .map(|file| Ok(Load::new(file, result_file::read(file, BENCH)?)));
        let loads = loads.collect::<Result<Vec<_>, Failure>>()?;
        let title = self.title.clone().unwrap_or_else(|| self.name());
        self.write(|out| loads::write(&mut Html::new(out), &title, &loads))?;
        if self.output.as_os_str() != "-" {
            let results = counted(loads.len() as u64, "result");
            writeln!(io::stdout(), "{}: {results} of bench", self.output.display())?;
        }
        Ok(())
    }

    /// Makes the page of a result of shadow.
    fn of_shadow(&self, file: &Path) -> Result<(), Failure> {
        let outcome = result_file::read(file, SHADOW)?;
        let title = self.title.clone().unwrap_or_else(|| self.name());
        self.write(|out| shadow::write(&mut Html::new(out), &title, &outcome))?;
        if self.output.as_os_str() != "-" {
            let total = crate::shadow::total(&outcome);
            writeln!(io::stdout(), "{}: {total}", self.output.display())?;
        }
        Ok(())
    }

    /// Returns the name of the first file without its folder, which is nobody else's concern.
    fn name(&self) -> String {
        match self.files[0].file_name() {
            Some(name) if name != "-" => name.to_string_lossy().into_owned(),
            _ => "standard input".to_owned(),
        }
    }

    /// Checks what would make the reading of a large file useless.
    fn check_output(&self) -> Result<(), Failure> {
        let output = self.output.display();
        if self.open && self.output.as_os_str() == "-" {
            return Err(Failure::usage("--open needs a file, not standard output"));
        }
        if self.output.as_os_str() == "-" || !self.output.exists() {
            return Ok(());
        }
        if self.files.iter().any(|file| is_same_file(file, &self.output)) {
            let text = format!("{output} is the traffic itself: the page would replace it");
            return Err(Failure::new(Status::Usage, text));
        }
        match self.force {
            true => Ok(()),
            false => Err(Failure::new(Status::Usage, format!("{output} exists")).hint("--force writes over it")),
        }
    }

    /// Writes the page, and opens it if that was asked for.
    fn write(&self, page: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
        self.write_file(page)?;
        if self.open
            && let Err(error) = open::that_detached(&self.output)
        {
            warn(format_args!("the browser cannot be opened: {}", file_reason(&error)));
        }
        Ok(())
    }

    fn write_file(&self, page: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
        if self.output.as_os_str() == "-" {
            return Ok(page(&mut BufWriter::new(io::stdout().lock()))?);
        }
        let file: File = create(&self.output, Existing::forced(self.force), "--force writes over it")?;
        page(&mut BufWriter::new(file)).map_err(|error| {
            // Half a page is of no use. The error is the first one, whatever becomes of the file.
            let _ = fs::remove_file(&self.output);
            Failure::new(
                Status::Unwritable,
                format!("{}: {}", self.output.display(), file_reason(&error)),
            )
        })
    }
}

/// What a page shows.
struct Report {
    reading: Reading,
    summary: Summary,
    timeline: Timeline,
    packets: Packets,
    /// True as long as there was no event.
    is_empty: bool,
}

impl Report {
    fn new(max_packets: u32) -> Self {
        Self {
            reading: Reading::default(),
            summary: Summary::default(),
            timeline: Timeline::default(),
            packets: Packets::new(max_packets as usize),
            is_empty: true,
        }
    }

    fn event(&mut self, event: &Event) {
        self.is_empty = false;
        let Self {
            reading,
            summary,
            timeline,
            packets,
            ..
        } = self;
        reading.read(event, |entry| {
            summary.add(&entry);
            let request = request_of(timeline, &entry);
            let row = packets.add(&entry, request);
            timeline.add(&entry, row);
        });
    }

    fn finish(&mut self) {
        let unanswered = self.timeline.finish();
        self.packets.mark_unanswered(&unanswered);
    }
}

/// Returns the row of the request that an entry replies to.
fn request_of(timeline: &Timeline, entry: &Entry) -> Option<u32> {
    match &entry.what {
        What::Packet(seen) => timeline.row_of_request(entry.connection, seen.call?),
        _ => None,
    }
}
