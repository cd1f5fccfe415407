//! A TCP proxy on 127.0.0.1 that injects faults. Each connection's faults are drawn from a seed.
//!
//! The proxy handles bytes and sockets, not packets. [`Weather`] selects the kinds of faults;
//! [`Proxy::heal`] ends all of them.

mod carry;
mod faults;
mod plan;
mod weather;

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};

use faults::Faults;
pub use plan::{Course, Event, Plan};
pub use weather::{Fault, Weather};

/// A running proxy. All its connections end when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    weather: Arc<watch::Sender<Weather>>,
    connections: Arc<AtomicU64>,
    /// The number of connections that will not recover by themselves.
    spoilt: Arc<watch::Sender<usize>>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Listens on a free port of 127.0.0.1 and carries connections to `service`.
    ///
    /// # Errors
    /// Fails if the proxy cannot listen.
    pub async fn start(service: SocketAddr, seed: u64, weather: Weather) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let weather = Arc::new(watch::Sender::new(weather));
        let connections = Arc::default();
        let spoilt = Arc::new(watch::Sender::new(0));
        let accepting = Accepting {
            listener,
            service,
            seed,
            weather: Arc::clone(&weather),
            connections: Arc::clone(&connections),
            spoilt: Arc::clone(&spoilt),
        };
        let task = tokio::spawn(accepting.run());
        Ok(Self {
            address,
            weather,
            connections,
            spoilt,
            task,
        })
    }

    /// Returns the address that the proxy listens on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the number of accepted connections.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.connections.load(Relaxed)
    }

    /// Changes the faults that new connections draw. Existing connections keep theirs unless the
    /// weather is calm.
    pub fn change(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }

    /// Ends all faults. Delayed and paused connections continue at once, half-open and half-closed
    /// ones are reset (as by a gateway that has lost its table), and new ones are carried without
    /// faults. Completes when that is done.
    pub async fn heal(&self) {
        self.change(Weather::calm());
        // Waiting cannot fail, since this value holds a sender.
        let _ = self.spoilt.subscribe().wait_for(|spoilt| *spoilt == 0).await;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Accepting {
    listener: TcpListener,
    service: SocketAddr,
    seed: u64,
    weather: Arc<watch::Sender<Weather>>,
    connections: Arc<AtomicU64>,
    spoilt: Arc<watch::Sender<usize>>,
}

impl Accepting {
    async fn run(self) {
        let mut carried = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept() => {
                    // An error concerns a single connection, which has ended.
                    if let Ok((caller, _)) = accepted {
                        carried.spawn(self.carry(caller));
                    }
                }
                Some(_) = carried.join_next() => {}
            }
        }
    }

    fn carry(&self, caller: TcpStream) -> impl Future<Output = ()> + Send + 'static {
        let number = self.connections.fetch_add(1, Relaxed);
        // Any odd factor keeps the seeds of connections apart.
        let mut random = fastrand::Rng::with_seed(self.seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let plan = self.weather.borrow().plan(&mut random);
        let service = self.service;
        let faults = Faults {
            weather: self.weather.subscribe(),
            spoilt: Arc::clone(&self.spoilt),
        };
        async move {
            // The proxy makes connections fail on purpose.
            let _ = carry::carry(caller, service, plan, faults).await;
        }
    }
}

#[cfg(test)]
mod tests;
