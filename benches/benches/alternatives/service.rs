//! The services in Rust, each as a process of its own: this program, started once more.

use std::error::Error;

use clap::ValueEnum;
use futures_util::StreamExt;
use nest_wire::{
    packet::RawJson,
    server::{HostListener, serve as serve_tcp},
};
use nest_wire_benches::{handlers, parent};
use tokio::net::TcpListener;
use tonic::transport::{Server, server::TcpIncoming};

use crate::grpc::Sums;

/// The subject of our service over NATS, and of the bare one. Nest's has the name of its pattern.
pub(crate) const OURS: &str = "ours";
pub(crate) const BARE: &str = "bare";

/// A service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Served {
    NestWire,
    Tonic,
    NestWireNats,
    AsyncNats,
}

impl Served {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::NestWire => "nest-wire",
            Self::Tonic => "tonic",
            Self::NestWireNats => "nest-wire-nats",
            Self::AsyncNats => "async-nats",
        }
    }
}

/// Serves on this thread until standard input ends.
pub(crate) async fn serve(served: Served, nats: Option<&str>) -> Result<(), Box<dyn Error>> {
    let nats = nats.ok_or("--nats is missing")?;
    match served {
        Served::NestWire => over_tcp().await,
        Served::Tonic => over_grpc().await,
        Served::NestWireNats => over_nats(nats).await,
        Served::AsyncNats => over_bare_nats(nats).await,
    }
}

async fn over_tcp() -> Result<(), Box<dyn Error>> {
    let listener = HostListener::bind("127.0.0.1:0").await?;
    println!("listening {}", listener.local_addrs()?[0]);
    serve_tcp(listener, handlers::router_among(0))
        .with_graceful_shutdown(parent::ended())
        .await;
    Ok(())
}

async fn over_grpc() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening {}", listener.local_addr()?);
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    Server::builder()
        .add_service(Sums)
        .serve_with_incoming_shutdown(incoming, parent::ended())
        .await?;
    Ok(())
}

async fn over_nats(url: &str) -> Result<(), Box<dyn Error>> {
    let nats = async_nats::connect(url).await?;
    let router = nest_wire::Router::new().message(OURS, handlers::sum);
    let service = nest_wire_nats::serve(nats, router)
        .queue("ours")
        .with_graceful_shutdown(parent::ended())
        .subscribe()
        .await?;
    say_listening(url);
    service.await?;
    Ok(())
}

/// Reads and writes the same packets with serde_json, and nothing else.
async fn over_bare_nats(url: &str) -> Result<(), Box<dyn Error>> {
    #[derive(serde::Deserialize)]
    struct Request {
        data: Vec<f64>,
        id: RawJson,
    }
    #[derive(serde::Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Reply {
        response: f64,
        is_disposed: bool,
        id: RawJson,
    }
    let nats = async_nats::connect(url).await?;
    let mut messages = nats.subscribe(BARE).await?;
    nats.flush().await?;
    say_listening(url);
    let mut ended = Box::pin(parent::ended());
    loop {
        let message = tokio::select! {
            message = messages.next() => message.ok_or("the connection is open")?,
            () = &mut ended => return Ok(()),
        };
        let request: Request = serde_json::from_slice(&message.payload)?;
        let reply = Reply {
            response: request.data.iter().sum(),
            is_disposed: true,
            id: request.id,
        };
        if let Some(inbox) = message.reply {
            nats.publish(inbox, serde_json::to_vec(&reply)?.into()).await?;
        }
    }
}

/// Prints the line that says that a service has subscribed.
fn say_listening(url: &str) {
    println!("listening {}", url.trim_start_matches("nats://"));
}
