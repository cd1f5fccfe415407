//! `nest-wire send`: messages, and their values as they come.

mod output;
mod sending;

use std::num::{NonZeroU64, NonZeroUsize};

use clap::Args;

use crate::{
    call::CallOptions,
    failure::{Failure, STATUSES},
};
use sending::{Sending, Step};

/// Send a message and print the answer, one line of JSON for each value
///
/// Values are printed as they come, as JavaScript would write them.
/// A service that answers `undefined` prints nothing.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_help = format!("{EXAMPLES}{STATUSES}"))]
pub(crate) struct Send {
    /// End well after N values; the rest is not waited for
    #[arg(long, value_name = "N")]
    values: Option<NonZeroU64>,
    /// How many calls of --lines may wait for their answers at the same time
    #[arg(long, value_name = "N", default_value = "1", requires = "lines")]
    in_flight: NonZeroUsize,
    #[command(flatten)]
    call: CallOptions,
}

const EXAMPLES: &str = "\
Examples:
  nest-wire send localhost:8888 sum '[1,2,3]'
  nest-wire send localhost:8888 '{\"cmd\":\"sum\"}' - < numbers.json
  nest-wire send --lines --in-flight 16 localhost:8888 sum @calls.jsonl

";

pub(crate) async fn run(send: Send) -> Result<(), Failure> {
    let mut sending = Sending::new(send)?;
    sending.connect().await?;
    loop {
        let outcome = match sending.step().await {
            Step::Begin(data) => sending.begin(data).await,
            Step::Value(value) => sending.value(value),
            Step::NoMoreCalls => {
                sending.has_more = false;
                Ok(())
            }
            Step::Over => return sending.end(),
        };
        if let Err(failure) = outcome {
            sending.failed(failure)?;
        }
    }
}
