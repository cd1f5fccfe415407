//! A connection between a service and the server whose bytes can be held on their way.

use std::{net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};
use tokio_util::task::AbortOnDropHandle;

/// A proxy in front of the server, for one connection.
pub(crate) struct Link {
    address: SocketAddr,
    is_held: watch::Sender<bool>,
    /// All that the client has sent.
    sent: Arc<watch::Sender<String>>,
    _running: AbortOnDropHandle<()>,
}

impl Link {
    pub(crate) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("it has one");
        let (is_held, held) = watch::channel(false);
        let sent = Arc::new(watch::Sender::new(String::new()));
        let seen = Arc::clone(&sent);
        let running = tokio::spawn(async move {
            let (client, _) = listener.accept().await.expect("a client");
            let server = TcpStream::connect(server).await.expect("it listens");
            let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
            tokio::join!(up(from_client, to_server, &seen), down(from_server, to_client, held));
        });
        Self {
            address,
            is_held,
            sent,
            _running: AbortOnDropHandle::new(running),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    /// Holds what the server sends, until [`release`](Self::release).
    pub(crate) fn hold(&self) {
        self.is_held.send_replace(true);
    }

    pub(crate) fn release(&self) {
        self.is_held.send_replace(false);
    }

    /// Waits until the server has been sent this text.
    pub(crate) async fn sent(&self, text: &str) {
        let mut sent = self.sent.subscribe();
        sent.wait_for(|sent| sent.contains(text)).await.expect("it is open");
    }
}

async fn up(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, seen: &watch::Sender<String>) {
    let mut buffer = vec![0; 65_536];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let bytes = &buffer[..length];
        if to.write_all(bytes).await.is_err() {
            return;
        }
        seen.send_modify(|seen| *seen += &String::from_utf8_lossy(bytes));
    }
}

async fn down(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut held: watch::Receiver<bool>) {
    let mut buffer = vec![0; 65_536];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let is_open = held.wait_for(|is_held| !is_held).await.is_ok();
        if !is_open || to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
