//! `nest-wire emit`: an event, and nothing comes back.

use crate::{call::Call, failure::Failure};

pub(crate) async fn run(call: Call) -> Result<(), Failure> {
    let call = call.ready()?;
    let emitted = call.client.emit(call.pattern.clone(), &call.data).await;
    emitted.map_err(|error| call.failed(error))
}
