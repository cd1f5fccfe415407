//! Accepts connections on an address as it was typed.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use nest_wire::{
    server::HostListener,
    tls::{Authorities, ServerTls, rustls::ServerConfig},
};
use tokio::{
    net::{TcpStream, UnixListener, UnixStream},
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

use crate::{
    dial::stream::Stream,
    failure::{Failure, Status, warn, with_causes},
    listen::listen,
    listen_address::ListenAddress,
    record::tls::ListenTls,
};

/// Maximum time of a TLS handshake with a caller.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// A listener.
pub(crate) enum Acceptor {
    Tcp(HostListener),
    Tls(HostListener, TlsAcceptor),
    Unix(UnixSocket),
}

/// A Unix socket that is removed when nobody listens any more.
pub(crate) struct UnixSocket {
    listener: UnixListener,
    path: PathBuf,
}

/// A caller's connection, before a handshake.
pub(crate) struct Accepted {
    /// Where the caller is.
    pub(crate) from: String,
    kind: Kind,
}

enum Kind {
    Tcp(TcpStream),
    Tls(TcpStream, TlsAcceptor),
    Unix(UnixStream),
}

impl Acceptor {
    /// Listens.
    pub(crate) async fn bind(address: &ListenAddress, tls: &ListenTls) -> Result<Self, Failure> {
        Ok(match address {
            ListenAddress::Tcp(place) => Self::Tcp(listen(place).await?),
            ListenAddress::Tls(place) => {
                let acceptor = TlsAcceptor::from(server_config(tls)?);
                Self::Tls(listen(place).await?, acceptor)
            }
            ListenAddress::Unix(path) => Self::Unix(UnixSocket {
                listener: bind_unix(path)?,
                path: path.clone(),
            }),
        })
    }

    /// Returns where callers find it, an address for each socket.
    pub(crate) fn addresses(&self) -> io::Result<Vec<String>> {
        let all = |listener: &HostListener, scheme: &str| -> io::Result<Vec<String>> {
            let addresses = listener.local_addrs()?.into_iter();
            Ok(addresses.map(|address| format!("{scheme}{address}")).collect())
        };
        match self {
            Self::Tcp(listener) => all(listener, ""),
            Self::Tls(listener, _) => all(listener, "tls://"),
            Self::Unix(socket) => Ok(vec![format!("unix:{}", socket.path.display())]),
        }
    }

    pub(crate) async fn accept(&mut self) -> Accepted {
        match self {
            Self::Tcp(listener) => {
                let (stream, from) = listener.accept().await;
                Accepted {
                    from: from.to_string(),
                    kind: Kind::Tcp(stream),
                }
            }
            Self::Tls(listener, acceptor) => {
                let (stream, from) = listener.accept().await;
                Accepted {
                    from: from.to_string(),
                    kind: Kind::Tls(stream, acceptor.clone()),
                }
            }
            Self::Unix(socket) => Accepted {
                from: "a Unix socket".to_owned(),
                kind: Kind::Unix(socket.accept().await),
            },
        }
    }
}

impl Accepted {
    /// Returns the caller's address, if it has one.
    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        match &self.kind {
            Kind::Tcp(stream) | Kind::Tls(stream, _) => stream.peer_addr().ok(),
            Kind::Unix(_) => None,
        }
    }

    /// Returns the connection once bytes can be read.
    pub(crate) async fn ready(self) -> io::Result<Stream> {
        Ok(match self.kind {
            Kind::Tcp(stream) => Stream::Tcp(stream),
            Kind::Unix(stream) => Stream::Unix(stream),
            Kind::Tls(stream, acceptor) => {
                let tls = timeout(HANDSHAKE, acceptor.accept(stream)).await??;
                Stream::Tls(Box::new(tls.into()))
            }
        })
    }
}

impl UnixSocket {
    async fn accept(&self) -> UnixStream {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => return stream,
                Err(error) => {
                    warn(format_args!("cannot accept: {error}"));
                    sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
}

impl Drop for UnixSocket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Listens on a path. A socket that is left of a process that has ended is in the way: the user
/// removes it.
fn bind_unix(path: &Path) -> Result<UnixListener, Failure> {
    UnixListener::bind(path).map_err(|error| {
        let what = format!("cannot listen on unix:{}", path.display());
        match error.kind() {
            io::ErrorKind::AddrInUse => Failure::new(Status::NoConnection, format!("{what}: it exists"))
                .hint(format!("rm {} if no process listens there", path.display())),
            _ => Failure::new(Status::NoConnection, format!("{what}: {}", with_causes(&error))),
        }
    })
}

fn server_config(tls: &ListenTls) -> Result<Arc<ServerConfig>, Failure> {
    let usage = |error| Failure::new(Status::Usage, with_causes(&error));
    let (Some(cert), Some(key)) = (&tls.cert, &tls.key) else {
        let what = "--listen tls:// needs the listener's certificate";
        return Err(Failure::new(Status::Usage, what).hint("add --cert FILE --key FILE"));
    };
    let mut server = ServerTls::from_pem_files(cert, key).map_err(usage)?;
    if let Some(authorities) = &tls.client_ca {
        server = server.require_client_certificates(Authorities::from_pem_file(authorities).map_err(usage)?);
    }
    Ok(server.into())
}
