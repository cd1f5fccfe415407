//! Counts instructions and allocations, and compares them with the figures in
//! `docs/PERFORMANCE.md`.
//!
//! ```sh
//! cargo bench -p nest-wire-benches --bench counts               # fails where there is more than was
//! cargo bench -p nest-wire-benches --bench counts -- --update   # writes the figures anew
//! ```
//!
//! Counts are the same on a busy machine and on an idle one. Valgrind counts the instructions in
//! user mode; without valgrind, only allocations are counted.

mod allocations;
mod document;
mod instructions;

use std::{error::Error, process::ExitCode};

use clap::Parser;
use nest_wire_benches::counted::Work;

use document::{Document, Figures};

/// Maximum relative growth of a count of instructions; compilers change.
const TOLERANCE: f64 = 0.05;

/// Maximum number of instructions for a request to our whole server, whatever the recorded figure:
/// small steps must not add up.
const MOST: (&str, f64) = ("our whole server, `sum`, 1 x 64", 3300.0);

/// Count instructions and allocations
#[derive(Parser)]
struct Args {
    /// Write the counts into docs/PERFORMANCE.md
    #[arg(long)]
    update: bool,
    /// Added by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let args = Args::parse();
    let mut document = Document::read()?;
    let counts_instructions = instructions::can_be_counted();
    if !counts_instructions {
        println!("valgrind is not installed: allocations alone are counted\n");
    }
    let mut counted: Vec<(String, Figures)> = Vec::new();
    for work in &Work::ALL {
        let instructions = counts_instructions.then(|| instructions::per_unit(work)).transpose()?;
        let allocations = Some(allocations::per_run(work));
        counted.push((
            work.name.to_owned(),
            Figures {
                instructions,
                allocations,
            },
        ));
    }
    if counts_instructions {
        counted.extend(instructions::of_servers().await?);
        counted.extend(instructions::of_client().await?);
    }
    if args.update {
        document.update(&counted)?;
        return Ok(ExitCode::SUCCESS);
    }
    Ok(judge(&document, &counted))
}

fn judge(document: &Document, counted: &[(String, Figures)]) -> ExitCode {
    let mut exit = ExitCode::SUCCESS;
    for (name, now) in counted {
        let then = document.figures(name).unwrap_or_default();
        let more_instructions = exceeds(now.instructions, then.instructions, TOLERANCE);
        let more_allocations = exceeds(now.allocations, then.allocations, 0.0);
        let too_many = *name == MOST.0 && exceeds(now.instructions, Some(MOST.1), 0.0);
        let verdict = match (too_many, more_instructions || more_allocations, fewer(now, &then)) {
            (true, ..) => "MORE THAN MAY BE",
            (_, true, _) => "MORE THAN WAS",
            (.., true) => "fewer: update the document",
            (.., false) => "",
        };
        println!("{name:<50} {now} (was {then}) {verdict}");
        if too_many || more_instructions || more_allocations {
            exit = ExitCode::FAILURE;
        }
    }
    exit
}

/// Returns whether a count exceeds the recorded one, or no count is recorded.
fn exceeds(now: Option<f64>, then: Option<f64>, tolerance: f64) -> bool {
    now.is_some_and(|now| then.is_none_or(|then| now > then * (1.0 + tolerance)))
}

fn fewer(now: &Figures, then: &Figures) -> bool {
    let is_less =
        |now: Option<f64>, then: Option<f64>, share: f64| now.zip(then).is_some_and(|(now, then)| now < then * share);
    is_less(now.instructions, then.instructions, 1.0 - TOLERANCE) || is_less(now.allocations, then.allocations, 1.0)
}
