//! `nest-wire send`: a message, and its values as they come.

use std::io::{self, Write};

use futures_util::StreamExt;

use super::{call::Call, failure::Failure};
use crate::js::Value;

/// Prints each value as a line of compact JSON, at once: whoever reads the pipe need not wait for the next one.
pub(super) async fn run(call: Call) -> Result<(), Failure> {
    let call = call.ready()?;
    let values = call.client.send_stream::<Value>(call.pattern.clone(), &call.data);
    let mut values = values.await.map_err(|error| call.failed(error))?;
    let mut stdout = io::stdout();
    while let Some(value) = values.next().await {
        let value = value.map_err(|error| call.failed(error))?;
        writeln!(stdout, "{value}")?;
        stdout.flush()?;
    }
    Ok(())
}
