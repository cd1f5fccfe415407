//! The `nest-wire` command: parse, run, exit status.

use std::process::ExitCode;

use clap::Parser;
use nest_wire::cli::Cli;
use tokio::runtime::Builder;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("the system has room for one more event queue");
    let status = runtime.block_on(cli.run());
    // Without waiting: a name look-up that outlasts its call would hold the process up past `--timeout`.
    runtime.shutdown_background();
    status
}
