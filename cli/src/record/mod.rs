//! `nest-wire record` and `nest-wire tap`: a proxy that writes down, or shows, what passes.

pub(crate) mod file;
pub(crate) mod log;
pub(crate) mod screen;
pub(crate) mod terminal;
pub(crate) mod tls;

use std::{
    io::{self, IsTerminal},
    path::PathBuf,
    time::{Duration, Instant},
};

use clap::Args;
use tokio::{
    sync::watch,
    task::{LocalSet, spawn_blocking},
    time::sleep,
};

use crate::{
    address::Address,
    duration,
    failure::{Failure, STATUSES, say, warn},
    listen::announce,
    listen_address::ListenAddress,
    pointer::Pointer,
    relay::{
        Relay,
        accept::Acceptor,
        connect::{absence, dialer},
    },
    signals,
    traffic::{
        filter::{Filter, Only},
        mask::Mask,
    },
};
use file::{Existing, RecordingFile, notes};
use log::{Log, Recorder};
use screen::Screen;
use tls::{ListenTls, ToTls};

/// Record the packets between callers and a service
///
/// A proxy like tap, which also writes a file that inspect reads and replay plays.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_help = format!("{RECORD_EXAMPLES}{STATUSES}"))]
pub(crate) struct Record {
    #[command(flatten)]
    between: Between,
    /// The recording to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Write over the file if it exists
    #[arg(long, conflicts_with = "append")]
    force: bool,
    /// Add to the file if it exists
    #[arg(long)]
    append: bool,
    /// Stop recording at the first line at or beyond this size in bytes, and go on passing traffic
    #[arg(long, value_name = "BYTES")]
    max_size: Option<u64>,
    /// Show no packets
    #[arg(short, long)]
    quiet: bool,
}

/// Show the packets between callers and a service, live
///
/// A proxy between them: bytes pass as they are.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_help = format!("{TAP_EXAMPLES}{STATUSES}"))]
pub(crate) struct Tap {
    #[command(flatten)]
    between: Between,
}

const TAP_EXAMPLES: &str = "\
Example:
  nest-wire tap --listen 8889 --to localhost:8888

";

const RECORD_EXAMPLES: &str = "\
Examples:
  nest-wire record --listen 8889 --to localhost:8888 -o orders.jsonl
  nest-wire record --listen 8889 --to localhost:8888 -o orders.jsonl --mask /data/password

";

/// A proxy between callers and a service.
#[derive(Debug, Args)]
struct Between {
    /// Where callers connect to: 8889 (localhost), :8889 (all interfaces), tls://…, unix:PATH; port 0 picks one
    #[arg(long, value_name = "ADDRESS")]
    listen: ListenAddress,
    /// Where the service is: localhost:8888, tls://users:8888, unix:/run/users.sock
    #[arg(long, value_name = "ADDRESS")]
    to: Address,
    /// Write and show "***" instead of these values: /data/password, /response/*/token; repeatable
    #[arg(long, value_name = "POINTER")]
    mask: Vec<Pointer>,
    /// Drop what is not a packet, which no mask can be applied to
    #[arg(long, requires = "mask")]
    mask_strict: bool,
    /// Show only packets of this pattern, or of this kind (request, event, value, last, completion, error, nohandler, broken); repeatable
    #[arg(long, value_name = "PATTERN|KIND")]
    only: Vec<Only>,
    /// End by itself after this time
    #[arg(long = "for", value_name = "DURATION", value_parser = duration::parse)]
    time: Option<Duration>,
    /// How long calls in flight are waited for at the end
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration::parse_or_zero)]
    drain: Duration,
    #[command(flatten)]
    listen_tls: ListenTls,
    #[command(flatten)]
    to_tls: ToTls,
}

/// Time without any traffic after which a person may have forgotten to redirect the callers.
const QUIET: Duration = Duration::from_secs(10);

impl Record {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let existing = match self.append {
            true => Existing::Append,
            false => Existing::forced(self.force),
        };
        let notes = notes(
            &self.between.listen.to_string(),
            &self.between.to.to_string(),
            &self.between.mask,
        );
        let shows = !self.quiet;
        let open = || RecordingFile::open(&self.output, existing, self.max_size, notes).map(Some);
        self.between.run(open, shows).await
    }
}

impl Tap {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        self.between.run(|| Ok(None), true).await
    }
}

impl Between {
    fn check(&self) -> Result<(), Failure> {
        match self.listen.is(&self.to) {
            true => Err(Failure::usage("--listen and --to are the same: it would call itself")),
            false => Ok(()),
        }
    }

    /// Returns the screen. `on_end` is called when nobody reads it.
    fn screen(&self, on_end: impl FnOnce() + Send + 'static) -> Screen {
        let filter = Filter {
            only: self.only.clone(),
            ..Filter::default()
        };
        Screen::new(filter, on_end)
    }

    /// Relays until a signal, the end of the time, or until nobody reads what is shown. The file is
    /// opened once callers can connect: an address that is taken costs no older recording.
    async fn run(
        self,
        open: impl FnOnce() -> Result<Option<RecordingFile>, Failure>,
        shows: bool,
    ) -> Result<(), Failure> {
        self.check()?;
        let dialer = dialer(&self.to, &self.to_tls.clone().into())?;
        let acceptor = Acceptor::bind(&self.listen, &self.listen_tls).await?;
        let addresses = acceptor.addresses()?;
        let file = open()?;
        let (before, connections) = file.as_ref().map_or_else(Default::default, RecordingFile::before);
        // Before the line that scripts wait for: from here on, a signal ends this well.
        let stopped = signals::first();
        announce(&addresses);
        let began = Instant::now();
        let (closed, nobody_reads) = watch::channel(false);
        let is_recorded = file.is_some();
        let on_end = move || {
            closed.send_replace(!is_recorded);
        };
        let screen = shows.then(|| self.screen(on_end));
        let masked = file.as_ref().map_or(&[][..], RecordingFile::masked);
        let added = masked.iter().filter(|masked| !self.mask.contains(masked)).cloned();
        let masks: Vec<Pointer> = added.chain(self.mask.iter().cloned()).collect();
        let mask = Mask::new(masks, self.mask_strict);
        let (log, recorder) = Log::new(Recorder::new(mask, file, screen), nobody_reads);
        let epoch = began.checked_sub(before).unwrap_or(began);
        let relay = Relay::new(dialer, epoch, connections, log.sender());
        let stop = async {
            tokio::select! {
                _ = stopped => on_a_new_line(),
                () = duration::passed(self.time) => {}
                () = log.nobody_reads() => {}
                () = warn_of_quiet(&log, &addresses) => {}
                () = warn_of_absence(&self.to, &self.to_tls) => {}
            }
        };
        let local = LocalSet::new();
        let cut = local.run_until(relay.run(acceptor, stop, self.drain)).await;
        cut.report();
        let finished = spawn_blocking(move || recorder.finish(log, began));
        tokio::select! {
            finished = finished => finished.expect("the recorder does not panic"),
            // A second signal: whatever blocks the output is not waited for.
            signal = signals::first() => Err(Failure::stopped(signal, "the output was still being written")),
        }
    }
}

/// The terminal has echoed `^C` where the cursor stood.
fn on_a_new_line() {
    if io::stderr().is_terminal() {
        say("");
    }
}

/// Asks once whether callers connect here, if a person watches.
async fn warn_of_quiet(log: &Log, addresses: &[String]) {
    sleep(QUIET).await;
    if io::stderr().is_terminal() && log.is_unused() {
        let address = addresses.first().map_or("", String::as_str);
        say(format_args!("nothing yet: do the callers connect to {address}?"));
    }
    std::future::pending::<()>().await;
}

/// Says so if the service is not there when the proxy starts: a caller then gets a connection that
/// fails.
async fn warn_of_absence(to: &Address, tls: &ToTls) {
    if let Some(absent) = absence(to, &tls.clone().into()).await {
        warn(format_args!("{absent}; callers are refused until it is there"));
    }
    std::future::pending::<()>().await;
}
