//! The clients: ours over TCP, tonic's, and the bare async-nats. Each has one connection.

use std::{error::Error, net::SocketAddr};

use nest_wire::client::Client;
use serde_json::value::RawValue;

use crate::grpc::SumClient;

pub(crate) enum Caller {
    Tcp(Client),
    Grpc(SumClient),
    Nats {
        nats: async_nats::Client,
        subject: &'static str,
    },
}

impl Caller {
    pub(crate) fn tcp(address: SocketAddr) -> Self {
        Self::Tcp(Client::new(address.to_string()))
    }

    pub(crate) async fn grpc(address: SocketAddr) -> Result<Self, Box<dyn Error>> {
        Ok(Self::Grpc(SumClient::connect(address).await?))
    }

    pub(crate) async fn nats(url: &str, subject: &'static str) -> Result<Self, Box<dyn Error>> {
        let nats = async_nats::connect(url).await?;
        Ok(Self::Nats { nats, subject })
    }

    pub(crate) async fn sum(&self, numbers: &[f64]) -> Result<f64, Box<dyn Error>> {
        match self {
            Self::Tcp(client) => Ok(client.send("sum", numbers).await?),
            Self::Grpc(client) => Ok(client.sum(numbers.to_vec()).await?),
            Self::Nats { nats, subject } => {
                let request = Packet {
                    pattern: subject,
                    data: numbers,
                    id: "123456789012345678901",
                };
                let request = serde_json::to_vec(&request)?;
                let message = nats.request(*subject, request.into()).await?;
                let reply: Reply<'_> = serde_json::from_slice(&message.payload)?;
                Ok(serde_json::from_str(reply.response.get())?)
            }
        }
    }
}

/// A request as Nest's client writes it.
#[derive(serde::Serialize)]
struct Packet<'p> {
    pattern: &'p str,
    data: &'p [f64],
    id: &'p str,
}

#[derive(serde::Deserialize)]
struct Reply<'r> {
    #[serde(borrow)]
    response: &'r RawValue,
}
