//! Accepts connections on an address as it was typed.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use nest_wire::{
    server::HostListener,
    tls::{Authorities, ServerTls, rustls::ServerConfig},
};
use tokio::{
    net::{TcpStream, UnixListener, UnixStream},
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

use super::stream::Stream;
use crate::{
    failure::{Failure, Status, with_causes},
    listen::Listen,
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
pub(super) struct Accepted {
    /// Where the caller is.
    pub(super) from: String,
    kind: Kind,
}

enum Kind {
    Tcp(TcpStream),
    Tls(TcpStream, TlsAcceptor),
    Unix(UnixStream),
}

impl Acceptor {
    /// Listens.
    pub(crate) async fn bind(listen: &Listen, tls: &ListenTls) -> Result<Self, Failure> {
        let taken = |error: &io::Error| cannot_listen(listen, error);
        Ok(match listen {
            Listen::Tcp(address) => Self::Tcp(bind(address).await.map_err(|error| taken(&error))?),
            Listen::Tls(address) => {
                let acceptor = TlsAcceptor::from(server_config(tls)?);
                Self::Tls(bind(address).await.map_err(|error| taken(&error))?, acceptor)
            }
            Listen::Unix(path) => Self::Unix(UnixSocket {
                listener: UnixListener::bind(path).map_err(|error| taken(&error))?,
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

    pub(super) async fn accept(&mut self) -> Accepted {
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
    /// Returns the connection once bytes can be read.
    pub(super) async fn ready(self) -> io::Result<Stream> {
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
                    eprintln!("warning: cannot accept: {error}");
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

/// Listens on all addresses of a host. `[::]`, all interfaces, is `0.0.0.0` where IPv6 is off.
async fn bind(address: &str) -> io::Result<HostListener> {
    match (HostListener::bind(address).await, address.strip_prefix("[::]:")) {
        (Err(error), Some(port)) if error.kind() != io::ErrorKind::AddrInUse => {
            HostListener::bind(format!("0.0.0.0:{port}")).await.map_err(|_| error)
        }
        (bound, _) => bound,
    }
}

fn cannot_listen(listen: &Listen, error: &io::Error) -> Failure {
    let what = format!("cannot listen on {listen}");
    match (error.kind(), listen) {
        (io::ErrorKind::AddrInUse, Listen::Unix(path)) => {
            Failure::new(Status::Connection, format!("{what}: it exists"))
                .hint(format!("rm {} if no process listens there", path.display()))
        }
        (io::ErrorKind::AddrInUse, _) => {
            Failure::new(Status::Connection, format!("{what}: it is taken")).hint("--listen 0 picks a free port")
        }
        _ => Failure::new(Status::Connection, format!("{what}: {}", with_causes(error))),
    }
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
