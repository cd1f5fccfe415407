//! `nest-wire emit`: an event, and nothing comes back.

use super::{call::Call, failure::Failure};

pub(super) async fn run(call: Call) -> Result<(), Failure> {
    let call = call.ready()?;
    let emitted = call.client.emit(call.pattern.clone(), &call.data).await;
    emitted.map_err(|error| call.failed(error))
}
