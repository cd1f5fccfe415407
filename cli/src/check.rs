//! `nest-wire check`: whether a service is there, told by the exit status alone.

use std::time::Duration;

use clap::Args;

use crate::{address::Address, call::pattern, duration::duration, failure::Failure, target::target, tls::TlsOptions};
use nest_wire::{client::Client, pattern::Pattern};

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// How long it may take: 2, 0.5, 500ms, 10s
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    timeout: Duration,
    /// Where the service is: localhost:8888, [::1]:8888, tls://users:8888, unix:/run/users.sock
    #[arg(value_name = "ADDRESS")]
    address: Address,
    /// What to ask: JSON if it begins with { or [, else a string
    ///
    /// The data is {}. Any answer will do but an error. Without a pattern, connecting is enough.
    #[arg(value_parser = pattern, allow_negative_numbers = true)]
    pattern: Option<Pattern>,
    #[command(flatten)]
    tls: TlsOptions,
}

pub(crate) async fn run(check: Check) -> Result<(), Failure> {
    let config = Client::builder().timeout(check.timeout);
    let client = target(&check.address, &check.tls, config)?;
    let checked = match check.pattern {
        Some(pattern) => client.check(pattern).await,
        None => client.connect().await,
    };
    checked.map_err(|error| Failure::Call {
        error,
        address: check.address.to_string(),
    })
}
