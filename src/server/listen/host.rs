//! Listens on every address that a name stands for.

use std::{
    future::poll_fn,
    io,
    net::SocketAddr,
    task::{Context, Poll},
};

use indexmap::IndexSet;
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs, lookup_host};

use crate::{
    connection::{TcpOptions, listen},
    server::listen::{Incoming, Listener, back_off::BackOff},
};

/// Maximum number of attempts to find a port that is free on all addresses.
const ATTEMPTS: usize = 16;

/// Sockets that listen on every address a host name resolves to, all on one port.
///
/// `localhost` is usually `127.0.0.1` and `::1`; Node callers may try either.
#[derive(Debug)]
pub struct HostListener {
    sockets: Vec<TcpListener>,
    /// Index of the socket to poll first. It changes each time, so that a flood on one socket does
    /// not starve the others.
    first: usize,
    options: TcpOptions,
    back_off: BackOff,
}

impl HostListener {
    /// Listens on all addresses of `address`, for example `"localhost:8888"`. Returns the listener.
    /// Port 0 picks a port that is free on all addresses.
    ///
    /// Addresses that this machine does not have (`::1` where IPv6 is off) are skipped if another
    /// one works. Up to 4,096 connections wait to be accepted, or as many as the system allows
    /// (`net.core.somaxconn`). A socket that becomes a `HostListener` by conversion keeps its own
    /// backlog: 128 from `tokio::net::TcpListener::bind`.
    ///
    /// # Errors
    /// The name can't be resolved, the port is taken, or the system refuses otherwise. The error
    /// names the address.
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        // A hosts file may name an address twice.
        let addresses: IndexSet<SocketAddr> = lookup_host(address).await?.collect();
        let mut attempt = 1;
        loop {
            match bind_all(&addresses) {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && wants_any_port(&addresses) => {
                    if attempt == ATTEMPTS {
                        return Err(error);
                    }
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    /// Sets the options of the connections that it accepts. Returns the listener.
    #[must_use]
    pub fn tcp(mut self, options: TcpOptions) -> Self {
        self.options = options;
        self
    }

    /// Returns the addresses on which this listens.
    ///
    /// # Errors
    /// The system does not return them.
    pub fn local_addrs(&self) -> io::Result<Vec<SocketAddr>> {
        self.sockets.iter().map(TcpListener::local_addr).collect()
    }

    /// Returns the next connection, with Nagle's algorithm off. If the system refuses, logs the
    /// error and waits before the next attempt. The wait continues if this future is dropped and
    /// `accept` is called again.
    pub async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            self.back_off.over().await;
            match poll_fn(|cx| self.poll_accept(cx)).await {
                Ok((stream, peer)) => return (self.configured(stream), peer),
                Err(error) => self.back_off.refused(&error),
            }
        }
    }

    /// Sets the options of a connection. Returns the connection even if that fails: it works
    /// without them.
    fn configured(&self, stream: TcpStream) -> TcpStream {
        if let Err(error) = self.options.apply(&stream) {
            tracing::debug!(%error, "cannot set the options of a connection");
        }
        stream
    }

    fn of(sockets: Vec<TcpListener>) -> Self {
        Self {
            sockets,
            first: 0,
            options: TcpOptions::default(),
            back_off: BackOff::default(),
        }
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        self.first = (self.first + 1) % self.sockets.len();
        let (last, first) = self.sockets.split_at(self.first);
        for socket in first.iter().chain(last) {
            if let accepted @ Poll::Ready(_) = socket.poll_accept(cx) {
                return accepted;
            }
        }
        Poll::Pending
    }
}

/// Passes on the peers' addresses. `serve` pauses after errors.
impl Listener for HostListener {
    type Io = TcpStream;

    async fn accept(&mut self) -> io::Result<Incoming<TcpStream>> {
        let (stream, peer) = poll_fn(|cx| self.poll_accept(cx)).await?;
        Ok(Incoming::new(self.configured(stream)).with_peer(peer))
    }
}

/// For a socket that was made elsewhere: with other options, or by the parent process.
impl From<TcpListener> for HostListener {
    fn from(socket: TcpListener) -> Self {
        Self::of(vec![socket])
    }
}

fn wants_any_port(addresses: &IndexSet<SocketAddr>) -> bool {
    addresses.iter().any(|address| address.port() == 0)
}

/// Binds all addresses. Those without a port get the port of the first one. Returns the listener.
fn bind_all(addresses: &IndexSet<SocketAddr>) -> io::Result<HostListener> {
    let mut sockets: Vec<TcpListener> = Vec::new();
    let mut absent = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        let mut address = *address;
        if let (0, Some(first)) = (address.port(), sockets.first()) {
            address.set_port(first.local_addr()?.port());
        }
        match listen(address) {
            Ok(socket) => sockets.push(socket),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(at(address, &error)),
            Err(error) => {
                tracing::warn!(%address, %error, "cannot listen on this address");
                absent = at(address, &error);
            }
        }
    }
    if sockets.is_empty() {
        return Err(absent);
    }
    Ok(HostListener::of(sockets))
}

/// Returns the error with the address added, which the system's errors do not name.
fn at(address: SocketAddr, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
}
