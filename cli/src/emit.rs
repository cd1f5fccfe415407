//! `nest-wire emit`: an event, and nothing comes back.

use std::io::{self, Write};

use clap::Args;
use tokio::time::Instant;

use crate::{
    call::{CallOptions, Ready},
    caller::Asked,
    failure::{Failure, STATUSES, Status},
};

/// Emit an event, which nobody answers
///
/// Ends as soon as the operating system has taken the event. Whether anybody handles it
/// cannot be seen: Nest drops an event without a handler, and answers nothing.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_help = format!("{EXAMPLES}{STATUSES}"))]
pub(crate) struct Emit {
    #[command(flatten)]
    call: CallOptions,
}

const EXAMPLES: &str = "\
Examples:
  nest-wire emit localhost:8888 log '\"求和\"'
  nest-wire emit --lines localhost:8888 log @events.jsonl

";

pub(crate) async fn run(emit: Emit) -> Result<(), Failure> {
    let (is_json, is_lines) = (emit.call.json, emit.call.lines);
    let mut calls = emit.call.ready()?;
    calls.caller.connect().await?;
    let emitted = emit_all(&mut calls, is_json).await;
    // Also after a failure: the events before it should arrive.
    calls.caller.close().await;
    let number = emitted.map_err(|(number, failure)| match (is_lines, failure.status()) {
        (true, Status::NoConnection | Status::Late) => failure.of_call(number),
        _ => failure,
    })?;
    calls.caller.note(|| format!("emitted: {number}"));
    Ok(())
}

/// Emits an event for each data. Returns their number, or that of the one that failed.
async fn emit_all(calls: &mut Ready, is_json: bool) -> Result<u64, (u64, Failure)> {
    let begun = Instant::now();
    let mut number = 0;
    while let Some(data) = calls.data.next().await {
        let next = number + 1;
        let data = data.map_err(|failure| (next, failure))?;
        let emitted = calls.request(&data).emit().await;
        emitted.map_err(|error| (next, calls.caller.failure(&error, &Asked::Event)))?;
        number = next;
        if is_json {
            let at = begun.elapsed().as_secs_f64();
            let printed = writeln!(io::stdout(), r#"{{"type":"emitted","call":{number},"at":{at:.6}}}"#);
            printed.map_err(|error| (number, error.into()))?;
        }
    }
    Ok(number)
}
