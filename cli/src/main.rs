//! The `nest-wire` command: parse, run, exit status.
//!
//! What was typed ([`args::Cli`]) is checked for its shape while it is parsed; one file a command
//! says what it does, and `failure` what each outcome means to a shell.

mod address;
mod args;
mod bench;
mod bridge;
mod call;
mod caller;
mod capture;
mod check;
mod clock;
mod compare;
mod completions;
mod data;
mod demo;
mod dial;
mod duration;
mod emit;
mod failure;
mod faults;
mod input;
mod inspect;
mod junit;
mod lines;
mod listen;
mod listen_address;
mod man;
mod metadata;
mod new;
mod plural;
mod pointer;
mod prometheus;
mod record;
mod relay;
mod replay;
mod report;
mod result_file;
mod route;
mod send;
mod serve;
mod shadow;
mod share;
mod signals;
mod tls;
mod traffic;

use std::process::ExitCode;

use clap::Parser;
use tokio::runtime::Builder;

fn main() -> ExitCode {
    let cli = args::Cli::parse();
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("the system has room for one more event queue");
    let status = runtime.block_on(cli.run());
    // Without waiting: a name look-up that outlasts its call would hold the process up past its
    // timeout.
    runtime.shutdown_background();
    status
}
