//! What a service gives a connection that it has let in, until it is served.

use std::{future::Future, io, net::SocketAddr, sync::Arc};

use futures_util::FutureExt;
use http::Extensions;
use tokio::io::{AsyncRead, AsyncWrite};
use tracing::{debug, warn};

use super::{
    Routes,
    accept::Handshake,
    limits::Warden,
    session::{Caller, ServiceStop, Serving, Session, Shutdown},
};
use crate::connection::{Config, Connection, ConnectionError};

pub(super) struct Attendance {
    pub(super) routes: Arc<Routes>,
    pub(super) connection: Config,
    pub(super) peer: Option<SocketAddr>,
    pub(super) stop: Arc<ServiceStop>,
    pub(super) warden: Option<Warden>,
}

impl Attendance {
    /// Serves a connection that can be used at once.
    pub(super) fn serve<IO>(self, io: IO, extensions: Extensions) -> impl Future<Output = ()> + use<IO>
    where
        IO: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        debug!("connected");
        let connection = Connection::new(io, &self.connection);
        let caller = Caller {
            peer: self.peer,
            extensions,
        };
        let shutdown = Shutdown::with_service(self.stop);
        Serving::Linked(Session::new(connection, self.routes, caller, shutdown, self.warden)).map(log_end)
    }

    /// Serves a connection with which something has to be done first.
    pub(super) async fn open<IO>(self, handshake: Handshake<IO>)
    where
        IO: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        // A handshake under way when the service stops is no work in flight.
        let opened = self.stop.token.run_until_cancelled(handshake).await;
        match opened {
            Some(Ok((io, extensions))) => self.serve(io, extensions).await,
            Some(Err(error)) => log_refused(self.peer, &error),
            None => {}
        }
    }
}

fn log_end(ended: Result<(), ConnectionError>) {
    match ended {
        Ok(()) => debug!("disconnected"),
        Err(ConnectionError::Io(error)) => debug!(%error, "the connection broke"),
        Err(error) => warn!(error = &error as &dyn std::error::Error, "cut the connection"),
    }
}

/// Callers that connect and leave again, as health checks do, are no news.
fn log_refused(peer: Option<SocketAddr>, error: &io::Error) {
    let peer = peer.map(tracing::field::display);
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    match error.kind() {
        BrokenPipe | ConnectionReset | UnexpectedEof => debug!(peer, %error, "the caller left during the handshake"),
        _ => warn!(peer, %error, "the handshake failed"),
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

    /// Ten thousand idle connections are to cost next to nothing.
    #[tokio::test]
    async fn a_connection_is_a_small_future() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let link = TcpStream::connect(address).await.expect("it listens");
        let attendance = Attendance {
            routes: Router::new().into_routes(),
            connection: Config::default(),
            peer: Some(address),
            stop: Arc::new(ServiceStop {
                token: CancellationToken::new(),
                drain_timeout: Duration::ZERO,
            }),
            warden: None,
        };
        let served = attendance.serve(link, Extensions::new()).instrument(Span::none());
        let limit = if cfg!(feature = "metrics") { 464 } else { 408 };
        assert!(size_of_val(&served) <= limit, "{} bytes", size_of_val(&served));
    }
}
