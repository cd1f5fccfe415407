//! Where a bridge passes requests on to: services, or a NATS server.

use std::{num::NonZeroUsize, time::Duration};

use futures_util::{StreamExt, stream::BoxStream};
use nest_wire::{
    client::{CallError, Client, ClientBuilder, OverloadPolicy, ReconnectPolicy, Target},
    packet::ReplyPacket,
    server::Request,
};

use crate::{
    address::{Address, HostPort},
    failure::Failure,
    relay::connect,
    tls::TlsOptions,
};

/// The packets of a reply.
pub(super) type Packets = BoxStream<'static, Result<ReplyPacket, ForwardError>>;

/// Why a request could not be passed on.
#[derive(Debug, thiserror::Error)]
pub(super) enum ForwardError {
    #[error(transparent)]
    Service(#[from] CallError),
    #[error(transparent)]
    Nats(#[from] nest_wire_nats::CallError),
}

/// The other side of a bridge.
pub(super) enum Backend {
    /// All services, each call to the less busy of two.
    Services(Client),
    Nats(nest_wire_nats::Client),
}

/// The limits of the connections to services.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) connections: NonZeroUsize,
    pub(super) in_flight: Option<NonZeroUsize>,
    pub(super) timeout: Duration,
    pub(super) drain: Duration,
}

impl Limits {
    fn client(self) -> ClientBuilder {
        let builder = Client::builder()
            .timeout(self.timeout)
            .drain_timeout(self.drain)
            .connections(self.connections.get())
            .reconnect(ReconnectPolicy::always());
        match self.in_flight {
            Some(calls) => builder.max_in_flight(calls.get()).overload(OverloadPolicy::Fail),
            None => builder,
        }
    }
}

impl Backend {
    /// Returns the services at these addresses. Nothing is connected yet.
    pub(super) fn services(addresses: &[Address], tls: &TlsOptions, limits: Limits) -> Result<Self, Failure> {
        let client = limits.client().build(connect::target(addresses, tls)?);
        Ok(Self::Services(client.expect("a connector needs no address")))
    }

    /// Returns the services at all addresses of a name, which is looked up again at this interval
    /// and after a loss. With TLS, their certificates are for that name, unless the options have
    /// another one.
    pub(super) fn named(
        name: &HostPort,
        tls: Option<&TlsOptions>,
        refresh: Duration,
        limits: Limits,
    ) -> Result<Self, Failure> {
        let mut builder = limits.client().discover_interval(refresh);
        if let Some(tls) = tls {
            let mut tls = tls.clone();
            tls.server_name.get_or_insert_with(|| name.host().to_owned());
            builder = builder.tls(tls.client()?);
        }
        let client = builder.build(Target::discover_dns(name.to_string()));
        client.map(Self::Services).map_err(Failure::usage)
    }

    /// Passes on a request. Returns the packets of its reply.
    pub(super) async fn forward(&self, request: &Request) -> Result<Packets, ForwardError> {
        let packet = request.packet();
        Ok(match self {
            Self::Services(client) => client.forward(&packet).await?.map(|packet| Ok(packet?)).boxed(),
            Self::Nats(client) => client.forward(&packet).await?.map(|packet| Ok(packet?)).boxed(),
        })
    }

    /// Passes on an event, and waits until it has been handed to the operating system.
    pub(super) async fn forward_event(&self, request: &Request) -> Result<(), ForwardError> {
        let packet = request.packet();
        match self {
            Self::Services(client) => client.forward_event(&packet).await?,
            Self::Nats(client) => client.forward_event(&packet).await?,
        }
        Ok(())
    }

    /// Ends the connections to services, once what is in flight has been answered.
    pub(super) async fn close(&self) {
        match self {
            Self::Services(client) => client.close().await,
            // Everything was flushed when it was sent.
            Self::Nats(_) => {}
        }
    }
}
