//! What can be typed. The doc comments here are the texts of `--help`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{
    call::Call,
    check, demo, emit,
    failure::STATUSES,
    inspect::Inspect,
    record::{Record, Tap},
    replay::Replay,
    report::ReportArgs,
    send,
};

/// Talk to NestJS microservices over TCP, byte for byte as Nest itself does
#[derive(Debug, Parser)]
#[command(name = "nest-wire", version, after_help = STATUSES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Send a message and print the answer, one line of JSON for each value
    ///
    /// Values are printed as they come, as JavaScript would write them.
    /// A service that answers `undefined` prints nothing.
    #[command(verbatim_doc_comment, after_help = format!("{SEND_EXAMPLES}{STATUSES}"))]
    Send(Call),
    /// Emit an event, which nobody answers
    ///
    /// Ends as soon as the operating system has taken the event.
    #[command(verbatim_doc_comment, after_help = format!("{EMIT_EXAMPLES}{STATUSES}"))]
    Emit(Call),
    /// Check that a service is there, and answers if it is asked something
    ///
    /// Prints nothing when all is well: for health checks of containers and for scripts that wait.
    #[command(verbatim_doc_comment, after_help = format!("{CHECK_EXAMPLES}{STATUSES}"))]
    Check(check::Check),
    /// See what two services say to each other, live
    ///
    /// A proxy between the callers and the service: bytes pass as they are.
    #[command(verbatim_doc_comment, after_help = format!("{TAP_EXAMPLES}{STATUSES}"))]
    Tap(Tap),
    /// Record what two services say to each other
    ///
    /// As tap, and writes a file that inspect reads and replay plays.
    #[command(verbatim_doc_comment, after_help = format!("{RECORD_EXAMPLES}{STATUSES}"))]
    Record(Record),
    /// Read recorded or captured traffic, packet by packet
    ///
    /// Shows kinds, patterns and times, ties answers to requests, and explains broken frames.
    #[command(verbatim_doc_comment, after_help = format!("{INSPECT_EXAMPLES}{STATUSES}"))]
    Inspect(Inspect),
    /// Play one side of a recording against the other one, live
    ///
    /// With --to it makes the recorded calls and compares every answer; with --listen it answers
    /// callers under test with what was recorded, and nothing else.
    #[command(verbatim_doc_comment, after_help = format!("{REPLAY_EXAMPLES}{STATUSES}"))]
    Replay(Replay),
    /// Make a page of recorded or captured traffic, to look at and to hand on
    ///
    /// One HTML file with a timeline, a table by pattern and the packets. It loads nothing.
    #[command(verbatim_doc_comment, after_help = format!("{REPORT_EXAMPLES}{STATUSES}"))]
    Report(ReportArgs),
    /// Show real NestJS and Rust talking, packet by packet
    ///
    /// Runs the two services of the NestJS tutorial with Rust in the place of one and then of
    /// the other, and shows what goes over the wire. The NestJS side needs Node.js and npm; its
    /// packages are installed once, into the user's cache directory.
    #[command(verbatim_doc_comment, after_help = STATUSES)]
    Demo,
    /// One of the demo's services in Rust, which the demo starts
    #[command(hide = true, subcommand)]
    DemoService(demo::DemoService),
}

const SEND_EXAMPLES: &str = "\
Examples:
  nest-wire send localhost:8888 sum '[1,2,3]'
  nest-wire send localhost:8888 '{\"cmd\":\"sum\"}' - < numbers.json

";

const EMIT_EXAMPLES: &str = "\
Example:
  nest-wire emit localhost:8888 log '\"求和\"'

";

const CHECK_EXAMPLES: &str = "\
Examples:
  nest-wire check localhost:8888
  nest-wire check --timeout 1 localhost:8888 health

";

const TAP_EXAMPLES: &str = "\
Example:
  nest-wire tap --listen 8889 --to localhost:8888

";

const RECORD_EXAMPLES: &str = "\
Examples:
  nest-wire record --listen 8889 --to localhost:8888 -o orders.jsonl
  nest-wire record --listen 8889 --to localhost:8888 -o orders.jsonl --mask /data/password

";

const INSPECT_EXAMPLES: &str = "\
Examples:
  nest-wire inspect orders.jsonl --errors
  nest-wire inspect orders.jsonl --summary
  nest-wire inspect orders.jsonl --mask /data/password -o masked.jsonl

";

const REPLAY_EXAMPLES: &str = "\
Examples:
  nest-wire replay orders.jsonl --to localhost:8888 --ignore /response/at
  nest-wire replay orders.jsonl --listen 8888 --until all

";

const REPORT_EXAMPLES: &str = "\
Examples:
  nest-wire report orders.jsonl
  nest-wire report orders.jsonl -o orders.html --title Orders --mask /data/password

";

impl Cli {
    /// Does what was asked for, and says on standard error what went wrong, if anything.
    pub(crate) async fn run(self) -> ExitCode {
        let outcome = match self.command {
            Command::Send(call) => send::run(call).await,
            Command::Emit(call) => emit::run(call).await,
            Command::Check(check) => check::run(check).await,
            Command::Tap(tap) => tap.run().await,
            Command::Record(record) => record.run().await,
            Command::Inspect(inspect) => inspect.run(),
            Command::Replay(replay) => replay.run().await,
            Command::Report(report) => report.run(),
            Command::Demo => demo::run().await,
            Command::DemoService(service) => service.run().await,
        };
        match outcome {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => failure.report(),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }
}
