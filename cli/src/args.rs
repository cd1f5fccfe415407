//! The commands. Each one's arguments stand in its own file; their doc comments are the texts of
//! `--help`.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::{
    bench, bridge, check, completions, demo, emit,
    failure::{Failure, STATUSES},
    inspect, man, new, record, replay, report, route, send, serve, shadow,
};

/// Talk to NestJS microservices over TCP, byte for byte as Nest itself does
#[derive(Debug, Parser)]
#[command(name = "nest-wire", version, after_help = format!("{BEGIN}{STATUSES}"))]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// Leads from what is wanted to the command, on the first screen of `--help`.
const BEGIN: &str = "\
Where to begin:
  see what two services say to each other    tap
  pin it in CI                               record, then replay
  read what was recorded or captured         inspect
  call a service by hand                     send, emit
  stand in for a service                     serve
  wait for one, or watch its health          check
  find out why a handler is not reached      route
  spread calls over several services         bridge
  measure how much a service can do          bench
  move a service to Rust                     new, then shadow

";

#[derive(Debug, Subcommand)]
enum Command {
    Send(send::Send),
    Emit(emit::Emit),
    Check(check::Check),
    Route(route::Route),
    Tap(record::Tap),
    Record(record::Record),
    Inspect(inspect::Inspect),
    Replay(replay::Replay),
    Serve(serve::Serve),
    Report(report::ReportArgs),
    Bridge(bridge::BridgeArgs),
    Bench(Box<bench::Bench>),
    New(new::New),
    Shadow(Box<shadow::ShadowArgs>),
    /// Show real NestJS and Rust talking, packet by packet
    ///
    /// Runs the two services of the NestJS tutorial with Rust in the place of one and then of
    /// the other, and shows what goes over the wire. The NestJS side needs Node.js and npm; its
    /// packages are installed once, into the user's cache directory.
    #[command(verbatim_doc_comment, after_help = STATUSES)]
    Demo,
    Completions(completions::Completions),
    Man(man::ManPages),
    /// One of the demo's services in Rust, which the demo starts
    #[command(hide = true, subcommand)]
    DemoService(demo::DemoService),
}

impl Cli {
    /// Does what was asked for, and writes what went wrong, if anything, to standard error.
    pub(crate) async fn run(self) -> ExitCode {
        match self.command.run().await {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => failure.report(),
        }
    }
}

impl Command {
    async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Send(send) => send::run(send).await,
            Self::Emit(emit) => emit::run(emit).await,
            Self::Check(check) => check::run(check).await,
            Self::Route(route) => route::run(&route),
            Self::Tap(tap) => tap.run().await,
            Self::Record(record) => record.run().await,
            Self::Inspect(inspect) => inspect.run(),
            Self::Replay(replay) => replay.run().await,
            Self::Serve(serve) => serve.run().await,
            Self::Report(report) => report.run(),
            Self::Bridge(bridge) => bridge.run().await,
            Self::Bench(bench) => bench.run().await,
            Self::New(new) => new.run(),
            Self::Shadow(shadow) => shadow.run().await,
            Self::Demo => demo::run().await,
            Self::Completions(completions) => completions::run(&completions, Cli::command()),
            Self::Man(pages) => man::run(&pages, Cli::command()),
            Self::DemoService(service) => service.run().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }
}
