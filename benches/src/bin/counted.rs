//! Does one piece of work a number of times, for valgrind to count.
//!
//! ```sh
//! counted 'read a request' 1000
//! ```

use std::{env, process::ExitCode};

use nest_wire_benches::counted::Work;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let work = Work::ALL
        .iter()
        .find(|work| Some(work.name) == arguments.first().map(String::as_str));
    let runs = arguments.get(1).and_then(|runs| runs.parse::<u64>().ok());
    let (Some(work), Some(runs)) = (work, runs) else {
        eprintln!("usage: counted WORK RUNS");
        return ExitCode::FAILURE;
    };
    let mut run = work.prepared();
    (0..runs).for_each(|_| run());
    ExitCode::SUCCESS
}
