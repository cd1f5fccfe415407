//! The end of a proxy: each connection ends at its first quiet moment.

use std::{
    rc::{Rc, Weak},
    time::Duration,
};

use tokio::{
    task::{JoinSet, yield_now},
    time::{sleep, timeout},
};

use super::{connection::Connection, queue::Sender};
use crate::{failure::warn, plural::counted, signals, traffic::busy::Busy};

/// Time between two looks at what is quiet.
const PAUSE: Duration = Duration::from_millis(10);

/// Maximum time to find out which connections are cut with calls in flight.
const COUNT: Duration = Duration::from_secs(1);

/// Ends each connection once no call is in flight on it, and all of them after this time or when
/// another signal comes. Returns the number of those that were cut with calls in flight.
///
/// A caller that always has calls in flight leaves no quiet moment. After half of the time nothing
/// more is read from callers: what the service has received is answered, and what it has not
/// received it has not done. A connection whose traffic cannot be read is quiet after that half of
/// the time without any byte.
pub(super) async fn drain(
    tasks: &mut JoinSet<()>,
    connections: &[Weak<Connection>],
    events: &Sender,
    limit: Duration,
) -> usize {
    let over = async {
        sleep(limit / 2).await;
        hold(connections);
        sleep(limit / 2).await;
    };
    let ended = async {
        tokio::join!(end_quiet(connections, events, limit / 2), all_ended(tasks));
    };
    let have_ended = tokio::select! {
        () = ended => true,
        () = over => false,
        _ = signals::first() => false,
    };
    if have_ended {
        return 0;
    }
    hold(connections);
    // The thread may have much to read still.
    let busy = timeout(COUNT, events.busy()).await.unwrap_or_default();
    let is_cut = |connection: &Rc<Connection>| busy.calls.contains(&connection.number()) || connection.has_unwritten();
    let cut = open(connections).filter(is_cut).count();
    tasks.shutdown().await;
    cut
}

async fn all_ended(tasks: &mut JoinSet<()>) {
    while tasks.join_next().await.is_some() {}
}

fn hold(connections: &[Weak<Connection>]) {
    open(connections).for_each(|connection| connection.hold());
}

fn open(connections: &[Weak<Connection>]) -> impl Iterator<Item = Rc<Connection>> {
    connections.iter().filter_map(Weak::upgrade)
}

/// Ends connections that are quiet, until there are none left. `silence` is the time without a byte
/// after which one is quiet whose traffic cannot be read.
async fn end_quiet(connections: &[Weak<Connection>], events: &Sender, silence: Duration) {
    loop {
        let before: Vec<_> = open(connections)
            .map(|connection| (connection.seen(), connection))
            .collect();
        if before.is_empty() {
            return;
        }
        let busy = events.busy().await;
        let_bytes_come().await;
        for (seen, connection) in before {
            // Otherwise the thread has not read what came meanwhile.
            if seen == connection.seen() && is_quiet(&connection, &busy, silence) {
                connection.stop(is_between_frames(&connection, &busy));
            }
        }
        sleep(PAUSE).await;
    }
}

fn is_quiet(connection: &Connection, busy: &Busy, silence: Duration) -> bool {
    if busy.calls.contains(&connection.number()) {
        return false;
    }
    if is_unknown(connection, busy) {
        return connection.silence() >= silence;
    }
    // From a caller that is held, the rest of a frame never comes, nor what would open the connection.
    connection.is_held() || (connection.seen().is_some() && is_between_frames(connection, busy))
}

fn is_between_frames(connection: &Connection, busy: &Busy) -> bool {
    !is_unknown(connection, busy) && !busy.frames.contains(&connection.number())
}

fn is_unknown(connection: &Connection, busy: &Busy) -> bool {
    busy.unknown.contains(&connection.number()) || connection.has_gap()
}

/// Lets the runtime see what has arrived, and the connections read it: a connection must not end
/// beside a request that waits to be read.
pub(super) async fn let_bytes_come() {
    for _ in 0..2 {
        yield_now().await;
    }
}

pub(crate) fn warn_of_cut(connections: usize) {
    if connections > 0 {
        let connections = counted(connections as u64, "connection");
        warn(format_args!("{connections} cut with calls in flight"));
    }
}
