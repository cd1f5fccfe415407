//! A transparent proxy: callers on one side, a service on the other, and every byte in between seen.

pub(crate) mod accept;
mod caller;
mod close;
pub(crate) mod connect;
mod connection;
pub(crate) mod cut;
mod drain;
pub(crate) mod queue;
pub(crate) mod tee;

use std::{
    pin::pin,
    rc::{Rc, Weak},
    time::{Duration, Instant},
};

use tokio::task::JoinSet;

use crate::{dial::Dialer, signals};
use accept::Acceptor;
use connection::Connection;
use cut::Cut;
use drain::{Drain, let_bytes_come};
use queue::Sender;

/// Maximum number of connections that are accepted at the end: as many as the system lets wait, so
/// that callers that go on connecting do not hold the end up.
const MAX_WAITING: usize = 4096;

/// Passes bytes between callers and a service.
///
/// All of it runs on the thread of the runtime: times never decrease, and events come in the order
/// in which they happened.
pub(crate) struct Relay {
    dialer: Rc<Dialer>,
    began: Instant,
    /// The number of the last connection.
    last_number: u32,
    events: Sender,
    connections: Vec<Weak<Connection>>,
    tasks: JoinSet<()>,
}

impl Relay {
    /// Returns a relay to the service that `dialer` reaches. Connections are counted from the one
    /// after `connection`. What passes is sent to `events`, before it is passed on.
    pub(crate) fn new(dialer: Dialer, began: Instant, connection: u32, events: Sender) -> Self {
        Self {
            dialer: Rc::new(dialer),
            began,
            last_number: connection,
            events,
            connections: Vec::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Serves callers until `stop` is ready. Then nobody listens any more, and each connection ends
    /// once no call is in flight on it, for `limit` at most. Returns the connections that were cut.
    /// Needs a [`LocalSet`](tokio::task::LocalSet).
    pub(crate) async fn run(mut self, mut acceptor: Acceptor, stop: impl Future<Output = ()>, limit: Duration) -> Cut {
        let mut stop = pin!(stop);
        loop {
            tokio::select! {
                caller = acceptor.accept() => self.serve(caller),
                Some(_) = self.tasks.join_next() => {}
                () = &mut stop => break,
            }
        }
        let again = signals::first();
        self.serve_waiting(acceptor).await;
        let drain = Drain {
            connections: &self.connections,
            events: &self.events,
            limit,
        };
        drain.run(&mut self.tasks, again).await
    }

    /// Serves the callers whose connections wait to be accepted.
    async fn serve_waiting(&mut self, mut acceptor: Acceptor) {
        for _ in 0..MAX_WAITING {
            tokio::select! {
                biased;
                caller = acceptor.accept() => self.serve(caller),
                () = let_bytes_come(0) => return,
            }
        }
    }

    fn serve(&mut self, caller: accept::Accepted) {
        // Closed connections are removed before the list grows.
        if self.connections.len() == self.connections.capacity() {
            self.connections.retain(|connection| connection.strong_count() > 0);
        }
        self.last_number += 1;
        let connection = Connection::new(self.last_number, self.began, self.events.clone());
        self.connections.push(Rc::downgrade(&connection));
        self.tasks
            .spawn_local(connection.carry(caller, Rc::clone(&self.dialer)));
    }
}
