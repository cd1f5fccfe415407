//! `nest-wire completions`: what a shell needs to complete the commands.

use std::io::{self, Write};

use clap::{Args, Command};
use clap_complete::{Shell, generate};

use crate::failure::{Failure, STATUSES};

/// Print the completions of a shell, to be read by it at its start
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}{STATUSES}"))]
pub(crate) struct Completions {
    shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  nest-wire completions bash > ~/.local/share/bash-completion/completions/nest-wire
  nest-wire completions zsh > ~/.zfunc/_nest-wire

";

pub(crate) fn run(completions: &Completions, mut command: Command) -> Result<(), Failure> {
    // In memory first: the generator panics if the reader of standard output goes away.
    let mut script = Vec::new();
    generate(completions.shell, &mut command, "nest-wire", &mut script);
    Ok(io::stdout().write_all(&script)?)
}
