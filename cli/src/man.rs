//! `nest-wire man`: manual pages.

use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
};

use clap::{Args, Command};
use clap_mangen::{Man, generate_to};

use crate::failure::{Failure, STATUSES, Status, file_reason};

/// Print the manual page, or write one for each command into a folder
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}{STATUSES}"))]
pub(crate) struct ManPages {
    /// The folder, which is made if it is missing
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  nest-wire man | man -l -
  nest-wire man ~/.local/share/man/man1

";

pub(crate) fn run(pages: &ManPages, command: Command) -> Result<(), Failure> {
    let Some(folder) = &pages.folder else {
        let mut page = Vec::new();
        Man::new(command).render(&mut page)?;
        return Ok(io::stdout().write_all(&page)?);
    };
    let written = fs::create_dir_all(folder).and_then(|()| generate_to(command, folder));
    written.map_err(|error| {
        let message = format!("{}: {}", folder.display(), file_reason(&error));
        Failure::new(Status::Unwritable, message)
    })
}
