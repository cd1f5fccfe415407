//! The task of one connection: its handshake, its session, and the log of its end.

use std::{future::Future, net::SocketAddr, sync::Arc};

use futures_util::FutureExt;
use http::Extensions;
use tokio::io::{AsyncRead, AsyncWrite};
use tracing::{Span, debug, field::display, warn};

use crate::{
    connection::{Connection, ConnectionError, TransportConfig},
    server::{
        Routes,
        limits::{ConnectionLimiter, LimitExceeded, reject_late},
        listen::handshake::{self, Handshake, Opened},
        session::{Ended, PeerInfo, ServiceStop, Serving, Session, Shutdown, span::record_peer},
    },
};

pub(in crate::server) struct ConnectionTask {
    pub(in crate::server) routes: Arc<Routes>,
    pub(in crate::server) transport: TransportConfig,
    pub(in crate::server) peer: Option<SocketAddr>,
    /// True if the handshake may find another address of the peer. Until then, the connection
    /// counts for no peer.
    pub(in crate::server) learns_peer: bool,
    pub(in crate::server) stop: Arc<ServiceStop>,
    pub(in crate::server) connection_limiter: Option<ConnectionLimiter>,
}

impl ConnectionTask {
    /// Serves a connection that can be used at once. Returns the future of its session.
    pub(in crate::server) fn serve<IO>(self, io: IO, extensions: Extensions) -> impl Future<Output = ()> + use<IO>
    where
        IO: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        debug!("connected");
        let connection = Connection::new(io, &self.transport);
        let caller = PeerInfo {
            peer: self.peer,
            extensions,
        };
        let shutdown = Shutdown::with_service(self.stop);
        Serving::Linked(Session::new(
            connection,
            self.routes,
            caller,
            shutdown,
            self.connection_limiter,
        ))
        .map(log_end)
    }

    /// Runs a connection's handshake, then serves the connection.
    pub(in crate::server) async fn open<IO>(mut self, handshake: Handshake<IO>)
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let opened = tokio::select! {
            biased;
            opened = handshake::run(handshake, self.peer, &self.routes.throttles.handshakes) => opened,
            () = self.stop.handshakes_are_over() => None,
        };
        let Some(Opened { io, extensions, peer }) = opened else {
            return;
        };
        match self.identify(peer) {
            Ok(()) => self.serve(io, extensions).await,
            Err(exceeded) => self.reject(io, exceeded).await,
        }
    }

    /// Sets the peer's address, which the handshake may have found out, and counts the connection
    /// for that peer.
    fn identify(&mut self, learnt: Option<SocketAddr>) -> Result<(), LimitExceeded> {
        if !self.learns_peer {
            return Ok(());
        }
        self.peer = learnt.or(self.peer);
        record_peer(&Span::current(), self.peer);
        match &mut self.connection_limiter {
            Some(connection_limiter) => connection_limiter.count_for(self.peer),
            None => Ok(()),
        }
    }

    /// Sends an error to a peer that turned out to have too many connections, and closes.
    async fn reject<IO>(self, io: IO, exceeded: LimitExceeded)
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Some(connection_limiter) = self.connection_limiter else {
            return;
        };
        let limiter = Arc::clone(&connection_limiter.limiter);
        // From here on, the connection is not counted.
        drop(connection_limiter);
        let refused = reject_late(&limiter, io, &self.transport, exceeded, self.peer);
        // Boxed, because it is rarely needed and would make each connection's task larger.
        self.stop.token.run_until_cancelled(Box::pin(refused)).await;
    }
}

/// Logs the end of a connection. Callers may have many connections cut: the log gets one message
/// per second, with the address of one peer.
fn log_end(ended: Ended) {
    let peer = ended.peer.map(display);
    match ended.outcome {
        Ok(()) => debug!(peer, "disconnected"),
        Err(ConnectionError::Io(error)) => debug!(peer, %error, "the connection broke"),
        Err(error) => {
            if let Some(suppressed) = ended.routes.throttles.cut.allow() {
                let error = &error as &dyn std::error::Error;
                warn!(peer, error, suppressed, "cut the connection");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{mem::size_of_val, time::Duration};

    use tokio::net::{TcpListener, TcpStream};
    use tokio_util::sync::CancellationToken;
    use tracing::{Instrument, Span};

    use super::*;
    use crate::server::Router;

    /// Ten thousand idle connections must cost next to nothing.
    #[tokio::test]
    async fn a_connection_is_a_small_future() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let link = TcpStream::connect(address).await.expect("it listens");
        let connection_task = ConnectionTask {
            routes: Router::new().into_routes(),
            transport: TransportConfig::default(),
            peer: Some(address),
            learns_peer: false,
            stop: Arc::new(ServiceStop {
                token: CancellationToken::new(),
                drain_timeout: Duration::ZERO,
            }),
            connection_limiter: None,
        };
        let served = connection_task.serve(link, Extensions::new()).instrument(Span::none());
        let limit = if cfg!(feature = "metrics") { 464 } else { 408 };
        assert!(size_of_val(&served) <= limit, "{} bytes", size_of_val(&served));
    }
}
