//! A service and a caller over NATS, each ours or the bare `async-nats`.

use std::{error::Error, future::IntoFuture};

use bytes::Bytes;
use futures_util::StreamExt;
use nest_wire::{
    packet::RawJson,
    server::{Payload, Router},
};
use nest_wire_nats::{Client, serve};
use tokio::task::JoinHandle;

/// A request and its reply.
#[derive(Clone)]
pub(crate) struct Exchange {
    pub(crate) name: String,
    pattern: &'static str,
    data: RawJson,
    value: RawJson,
}

/// Who takes part.
#[derive(Clone, Copy)]
pub(crate) enum Sides {
    /// The bare client, and a service that sends the same bytes to each message.
    Bare,
    /// The bare client, and our service.
    OurService,
    /// Our client and our service.
    Ours,
}

/// A caller, and the service that it calls.
pub(crate) struct Contender {
    caller: Caller,
    service: JoinHandle<()>,
}

enum Caller {
    Bare {
        nats: async_nats::Client,
        subject: &'static str,
        request: Bytes,
        reply: Bytes,
    },
    Ours {
        client: Client,
        exchange: Exchange,
    },
}

impl Exchange {
    /// Adds three numbers.
    pub(crate) fn sum() -> Self {
        let value = |value: &[u8]| RawJson::from_value(value).expect("JSON");
        Self {
            name: "sum".to_owned(),
            pattern: "sum",
            data: value(&[1, 2, 3]),
            value: RawJson::from_value(&6).expect("JSON"),
        }
    }

    /// Sends a text of this length there and back.
    pub(crate) fn echo(length: usize) -> Self {
        let text = RawJson::from_value(&"x".repeat(length)).expect("JSON");
        Self {
            name: format!("echo of {length} bytes"),
            pattern: "echo",
            data: text.clone(),
            value: text,
        }
    }

    /// Returns the packet of the request, with an id as long as those of Nest's clients.
    fn request(&self) -> Bytes {
        let (pattern, data) = (self.pattern, self.data.as_str());
        format!(r#"{{"pattern":"{pattern}","data":{data},"id":"{ID}"}}"#).into()
    }

    fn reply(&self) -> Bytes {
        let value = self.value.as_str();
        format!(r#"{{"response":{value},"isDisposed":true,"id":"{ID}"}}"#).into()
    }
}

const ID: &str = "123456789012345678901";
/// The subject of the bare service. No subject of ours is longer.
const BARE: &str = "bare";

impl Contender {
    /// Starts a service and a caller, with a connection for each.
    pub(crate) async fn start(url: &str, exchange: &Exchange, sides: Sides) -> Result<Self, Box<dyn Error>> {
        let (nats, serving) = (async_nats::connect(url).await?, async_nats::connect(url).await?);
        let service = match sides {
            Sides::Bare => bare_service(serving, exchange.reply()).await?,
            Sides::OurService | Sides::Ours => our_service(serving, exchange.pattern).await?,
        };
        let bare = |subject| Caller::Bare {
            nats: nats.clone(),
            subject,
            request: exchange.request(),
            reply: exchange.reply(),
        };
        let caller = match sides {
            Sides::Bare => bare(BARE),
            Sides::OurService => bare(exchange.pattern),
            Sides::Ours => Caller::Ours {
                client: Client::new(nats),
                exchange: exchange.clone(),
            },
        };
        Ok(Self { caller, service })
    }

    /// Makes a call and checks its reply.
    pub(crate) async fn call(&self) -> Result<(), Box<dyn Error>> {
        let is_right = match &self.caller {
            Caller::Bare {
                nats,
                subject,
                request,
                reply,
            } => nats.request(*subject, request.clone()).await?.payload == *reply,
            Caller::Ours { client, exchange } => {
                let value: RawJson = client.send(exchange.pattern, &exchange.data).await?;
                value == exchange.value
            }
        };
        if is_right { Ok(()) } else { Err("a wrong reply".into()) }
    }
}

impl Drop for Contender {
    fn drop(&mut self) {
        self.service.abort();
    }
}

async fn bare_service(nats: async_nats::Client, reply: Bytes) -> Result<JoinHandle<()>, Box<dyn Error>> {
    let mut messages = nats.subscribe(BARE).await?;
    nats.flush().await?;
    Ok(tokio::spawn(async move {
        while let Some(message) = messages.next().await {
            if let Some(inbox) = message.reply {
                nats.publish(inbox, reply.clone()).await.expect("an open connection");
            }
        }
    }))
}

/// Serves one of the patterns only: two services may not answer the same calls.
async fn our_service(nats: async_nats::Client, pattern: &str) -> Result<JoinHandle<()>, Box<dyn Error>> {
    let router = match pattern {
        "sum" => Router::new().message("sum", async |Payload(numbers): Payload<Vec<f64>>| -> f64 {
            numbers.iter().sum()
        }),
        _ => Router::new().message("echo", async |Payload(text): Payload<RawJson>| text),
    };
    // Both of our contenders have a service, and each call is answered by one of them.
    let subscribed = serve(nats, router).queue("bench").subscribe().await?;
    Ok(tokio::spawn(async {
        subscribed.into_future().await.expect("an open connection");
    }))
}
