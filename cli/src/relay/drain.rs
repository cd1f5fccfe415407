//! The end of a proxy: each connection ends at its first quiet moment.

use std::{
    rc::{Rc, Weak},
    time::Duration,
};

use tokio::{
    task::{JoinSet, yield_now},
    time::{sleep, timeout},
};

use super::{close::LateBytes, connection::Connection, cut::Cut, queue::Sender};
use crate::{signals::Signal, traffic::busy::Busy};

/// Time between two looks at which connections are quiet.
const PAUSE: Duration = Duration::from_millis(10);

/// Maximum time to find out which connections are cut with calls in flight.
const COUNT: Duration = Duration::from_secs(1);

/// Number of tasks that are certainly polled each time that the runtime has its turn.
const TASKS_A_TURN: usize = 32;

/// The end of all connections.
pub(super) struct Drain<'r> {
    pub(super) connections: &'r [Weak<Connection>],
    pub(super) events: &'r Sender,
    /// Maximum time until all connections are closed.
    pub(super) limit: Duration,
}

impl Drain<'_> {
    /// Ends each connection once no call is in flight on it, and all of them after the limit or when
    /// another signal comes. Returns those that were cut.
    ///
    /// A caller that always has calls in flight leaves no quiet moment. After half of the time
    /// nothing more is read from callers, and calls that the service has received can still be
    /// answered. A connection with unreadable traffic counts as quiet once no byte has passed for
    /// half of the time.
    pub(super) async fn run(self, tasks: &mut JoinSet<()>, again: impl Future<Output = Signal>) -> Cut {
        let limit = async {
            sleep(self.limit / 2).await;
            self.hold();
            sleep(self.limit / 2).await;
        };
        let ended = async {
            tokio::join!(self.end_quiet(), all_ended(tasks));
        };
        let have_ended = tokio::select! {
            () = ended => true,
            () = limit => false,
            _ = again => false,
        };
        if have_ended {
            return Cut::default();
        }
        self.hold();
        // The thread may be far behind.
        let busy = timeout(COUNT, self.events.busy()).await.ok().flatten();
        let cut = self.count(busy.as_ref());
        tasks.shutdown().await;
        cut
    }

    fn hold(&self) {
        self.open().for_each(|connection| connection.hold());
    }

    /// Returns the connections that nobody has ended.
    fn open(&self) -> impl Iterator<Item = Rc<Connection>> {
        let open = self.connections.iter().filter_map(Weak::upgrade);
        open.filter(|connection| !connection.is_stopped())
    }

    /// Ends connections that are quiet, until there are none left.
    async fn end_quiet(&self) {
        loop {
            let before: Vec<_> = self.open().map(|open| (open.seen(), open)).collect();
            if before.is_empty() {
                return;
            }
            let busy = self.events.busy().await;
            let_bytes_come(before.len()).await;
            for (seen, connection) in before {
                // Otherwise the thread has not read what came meanwhile.
                if seen == connection.seen()
                    && let Some(busy) = &busy
                    && self.is_quiet(&connection, busy)
                {
                    connection.stop(late_bytes(&connection, busy), self.limit / 5);
                }
            }
            sleep(PAUSE).await;
        }
    }

    fn is_quiet(&self, connection: &Connection, busy: &Busy) -> bool {
        if busy.calls.contains(&connection.number()) {
            return false;
        }
        if is_unreadable(connection, busy) {
            return connection.silence() >= self.limit / 2;
        }
        // A held caller never completes a frame. A connection that is not open then is not needed.
        connection.is_held() || (connection.is_open() && !busy.frames.contains(&connection.number()))
    }

    /// Returns the numbers of connections that are cut now. `busy` is absent if it is not known.
    fn count(&self, busy: Option<&Busy>) -> Cut {
        let mut cut = Cut::default();
        for connection in self.connections.iter().filter_map(Weak::upgrade) {
            let has_calls = busy.map(|busy| busy.calls.contains(&connection.number()));
            let is_unreadable = busy.is_none_or(|busy| is_unreadable(&connection, busy));
            match has_calls {
                Some(true) => cut.certain += 1,
                _ if connection.has_unwritten() => cut.certain += 1,
                _ if is_unreadable && !connection.is_stopped() => cut.possible += 1,
                _ => {}
            }
        }
        cut
    }
}

async fn all_ended(tasks: &mut JoinSet<()>) {
    while tasks.join_next().await.is_some() {}
}

fn late_bytes(connection: &Connection, busy: &Busy) -> LateBytes {
    match is_unreadable(connection, busy) || busy.frames.contains(&connection.number()) {
        true => LateBytes::Discard,
        false => LateBytes::PassEvents,
    }
}

fn is_unreadable(connection: &Connection, busy: &Busy) -> bool {
    busy.unreadable.contains(&connection.number()) || connection.has_gap()
}

/// Lets the runtime see what has arrived, and so many tasks read it: a connection must not end
/// beside a request that waits to be read.
pub(super) async fn let_bytes_come(tasks: usize) {
    for _ in 0..2 + tasks / TASKS_A_TURN {
        yield_now().await;
    }
}
