//! The parameters that a contract's request allows.

use serde::de::DeserializeOwned;

use crate::{contract::NoData, json::Maybe, server::Payload};

/// A handler's last parameter, which takes the data that the contract names. You never implement
/// it.
///
/// It is `Payload<Data>`, or an `Option` or a [`Maybe`] of it, for callers that do not keep the
/// contract. If the contract says [`NoData`], it may be any parameter.
#[diagnostic::on_unimplemented(
    message = "the contract's data is `{Data}`, which `{Self}` does not take",
    label = "does not keep the contract",
    note = "the last parameter of a contract's handler takes its data: `Payload<{Data}>`"
)]
pub trait RequestOf<Data> {}

impl<Data: DeserializeOwned> RequestOf<Data> for Payload<Data> {}

impl<Data: DeserializeOwned> RequestOf<Data> for Option<Payload<Data>> {}

impl<Data: DeserializeOwned> RequestOf<Data> for Maybe<Payload<Data>> {}

// No conflict with the implementations above: `NoData` can't be deserialised.
impl<Parameter> RequestOf<NoData> for Parameter {}
