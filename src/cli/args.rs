//! What can be typed. The doc comments here are the texts of `--help`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use super::{call::Call, check, demo, emit, failure::STATUSES, send};

/// Talk to NestJS microservices over TCP, byte for byte as Nest itself does
#[derive(Debug, Parser)]
#[command(version, after_help = STATUSES)]
pub struct Cli {
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
    /// Show real NestJS and Rust talking, packet by packet
    ///
    /// Runs the two services of the NestJS tutorial with Rust in the place of one and then of
    /// the other, and shows what goes over the wire. To be run in a checkout of nest-wire; needs
    /// cargo, and Node.js with npm for the NestJS side. Node's packages are installed once.
    #[command(verbatim_doc_comment, after_help = STATUSES)]
    Demo,
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

impl Cli {
    /// Does what was asked for, and says on standard error what went wrong, if anything.
    pub async fn run(self) -> ExitCode {
        let outcome = match self.command {
            Command::Send(call) => send::run(call).await,
            Command::Emit(call) => emit::run(call).await,
            Command::Check(check) => check::run(check).await,
            Command::Demo => demo::run().await,
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
