//! Connections that are opened once, and runs over them.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::poll_fn;
use tokio::{net::TcpStream, task::JoinSet, time::timeout};

use super::{
    Exchange, LoadError, Report,
    connection::{Connection, Prepared},
};
use crate::usage;

/// Maximum time of a run beyond the requested time.
const PATIENCE: Duration = Duration::from_secs(60);

/// The number of connections, and the number of requests in flight on each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Number of connections.
    pub connections: usize,
    /// Number of requests in flight on each; at most 99,999.
    pub in_flight: usize,
}

/// The condition at which a run sends no more requests. It waits for those in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// After this number of exchanges. With several connections, each does an equal share, rounded
    /// up.
    Count(u64),
    /// After this time.
    For(Duration),
}

/// Open connections to a server, ready to be loaded.
#[derive(Debug)]
pub struct Load {
    connections: Vec<Connection>,
}

impl Load {
    /// Opens the connections one after the other, since a server's queue for new ones is short.
    ///
    /// # Errors
    /// Fails with [`LoadError::Io`].
    pub async fn connect(address: SocketAddr, shape: Shape, exchange: &Exchange) -> Result<Self, LoadError> {
        let prepared = Arc::new(Prepared::new(exchange, shape.in_flight));
        let mut connections = Vec::with_capacity(shape.connections);
        for _ in 0..shape.connections {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            connections.push(Connection::new(stream, Arc::clone(&prepared)));
        }
        Ok(Self { connections })
    }

    /// Keeps requests in flight until `until`, and waits for all replies. May be called again.
    ///
    /// # Errors
    /// Returns the [`LoadError`] of the first connection that fails. The load cannot be used again.
    pub async fn run(&mut self, until: Until) -> Result<Report, LoadError> {
        let quota = match until {
            Until::Count(count) => count.div_ceil(self.connections.len() as u64),
            Until::For(_) => u64::MAX,
        };
        let generator = usage::this_thread();
        let start = Instant::now();
        let (deadline, patience) = match until {
            Until::Count(_) => (None, PATIENCE),
            Until::For(duration) => (Some(start + duration), duration + PATIENCE),
        };
        let all = self.drive_all(quota, deadline);
        timeout(patience, all)
            .await
            .map_err(|_| LoadError::Stalled(patience))??;
        let (wall, generator) = (start.elapsed(), usage::this_thread() - generator);
        let latencies = self.connections.iter_mut().flat_map(Connection::take_latencies);
        Ok(Report::new(wall, generator, latencies.collect()))
    }

    async fn drive_all(&mut self, quota: u64, deadline: Option<Instant>) -> Result<(), LoadError> {
        let mut driven = JoinSet::new();
        for mut connection in self.connections.drain(..) {
            connection.begin(quota, deadline);
            driven.spawn(async move {
                poll_fn(|cx| connection.poll(cx)).await?;
                Ok::<_, LoadError>(connection)
            });
        }
        while let Some(joined) = driven.join_next().await {
            self.connections.push(joined.expect("no connection panics")?);
        }
        Ok(())
    }
}
