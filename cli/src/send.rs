//! `nest-wire send`: a message, and its values as they come.

use std::io::{self, Write};

use futures_util::StreamExt;

use crate::{call::Call, failure::Failure};
use nest_wire::json::{Maybe, Value};

/// Prints each value as a line of compact JSON as soon as it arrives. A value that is undefined is `null`, since JSON has
/// no other word for it.
pub(crate) async fn run(call: Call) -> Result<(), Failure> {
    let call = call.ready()?;
    let values = call
        .client
        .send_stream::<Maybe<Value>>(call.pattern.clone(), &call.data);
    let mut values = values.await.map_err(|error| call.failed(error))?;
    let mut stdout = io::stdout();
    while let Some(value) = values.next().await {
        let value = value.map_err(|error| call.failed(error))?;
        let value = value.into_option().unwrap_or(Value::Null);
        writeln!(stdout, "{value}")?;
        stdout.flush()?;
    }
    Ok(())
}
