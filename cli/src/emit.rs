//! `nest-wire emit`: an event, and nothing comes back.

use std::io::{self, Write};

use clap::Args;
use tokio::time::Instant;

use crate::{
    call::CallOptions,
    caller::Asked,
    failure::{Failure, STATUSES},
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
    let is_json = emit.call.json;
    let mut calls = emit.call.ready()?;
    calls.caller.connect().await?;
    let begun = Instant::now();
    let mut number = 0_u64;
    while let Some(data) = calls.data.next().await {
        let emitted = calls.request(&data?).emit().await;
        emitted.map_err(|error| calls.caller.failure(&error, &Asked::Event))?;
        number += 1;
        if is_json {
            let at = begun.elapsed().as_secs_f64();
            writeln!(io::stdout(), r#"{{"type":"emitted","call":{number},"at":{at:.6}}}"#)?;
        }
    }
    calls.caller.close().await;
    calls.caller.note(|| format!("emitted: {number}"));
    Ok(())
}
