//! `nest-wire check`: whether a service is there, told by the exit status alone.

use std::time::Duration;

use clap::Args;

use crate::{address::Address, call::pattern, call_failure::call_failure, duration, failure::Failure};
use nest_wire::{client::Client, pattern::Pattern};

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// How long it may take, in seconds, such as 0.5
    #[arg(long, value_name = "DURATION", default_value = "5", value_parser = duration::parse)]
    timeout: Duration,
    #[arg(value_name = "HOST:PORT", help = "Where the service is: localhost:8888, [::1]:8888")]
    address: Address,
    /// What to ask: JSON if it begins with { or [, else a string
    ///
    /// The data is {}. Any answer will do but an error. Without a pattern, connecting is enough.
    #[arg(value_parser = pattern, allow_negative_numbers = true)]
    pattern: Option<Pattern>,
}

pub(crate) async fn run(check: Check) -> Result<(), Failure> {
    let config = Client::builder().timeout(check.timeout);
    let client = config.build(check.address.to_string()).expect("a client");
    let checked = match check.pattern {
        Some(pattern) => client.check(pattern).await,
        None => client.connect().await,
    };
    checked.map_err(|error| call_failure(&error, &check.address.to_string()))
}
