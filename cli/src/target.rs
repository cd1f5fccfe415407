//! A client for an address as it was typed.

use nest_wire::client::{Client, ClientBuilder, Target};

use crate::{
    address::Address,
    failure::{Failure, Status, with_causes},
    tls::TlsOptions,
};

/// Returns a client of the service at this address. Nothing is connected yet.
pub(crate) fn target(address: &Address, tls: &TlsOptions, builder: ClientBuilder) -> Result<Client, Failure> {
    let built = match address {
        Address::Tcp(address) => builder.build(address.as_str()),
        Address::Unix(path) => builder.build(Target::unix(path)),
        Address::Tls(address) => {
            let tls = tls
                .client()
                .map_err(|error| Failure::new(Status::Usage, with_causes(&error)))?;
            builder.tls(tls).build(address.as_str())
        }
    };
    built.map_err(|error| Failure::new(Status::Usage, with_causes(&error)))
}
