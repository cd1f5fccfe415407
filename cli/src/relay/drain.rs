//! The end of a proxy: each connection ends at its first quiet moment.

use std::{
    rc::{Rc, Weak},
    time::Duration,
};

use tokio::{
    task::{JoinSet, yield_now},
    time::sleep,
};

use super::{connection::Connection, queue::Sender};
use crate::{failure::warn, plural::counted, signals, traffic::busy::Busy};

/// Time between two looks at what is quiet.
const PAUSE: Duration = Duration::from_millis(10);

/// Ends each connection once no call is in flight on it, and all of them after this time or when
/// another signal comes. Returns the number of those that were cut with calls in flight.
///
/// A caller that always has calls in flight leaves no quiet moment. After half of the time nothing
/// more is read from callers: what the service has received is answered, and what it has not received
/// it has not done.
pub(super) async fn drain(
    tasks: &mut JoinSet<()>,
    connections: &[Weak<Connection>],
    events: &Sender,
    limit: Duration,
) -> usize {
    let patience = async {
        sleep(limit / 2).await;
        hold(connections);
        sleep(limit / 2).await;
    };
    let ended = async {
        tokio::join!(end_quiet(connections, events), all_ended(tasks));
    };
    let have_ended = tokio::select! {
        () = ended => true,
        () = patience => false,
        _ = signals::first() => false,
    };
    if have_ended {
        return 0;
    }
    hold(connections);
    let busy = tokio::select! {
        busy = events.busy() => busy,
        // The thread is held up, by a disk for example.
        _ = signals::first() => Busy::default(),
    };
    let is_cut = |connection: &Rc<Connection>| busy.calls.contains(&connection.number());
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

/// Ends connections that are quiet, until there are none left.
async fn end_quiet(connections: &[Weak<Connection>], events: &Sender) {
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
            // The thread has not read what came meanwhile.
            let is_read = seen.is_some() && seen == connection.seen();
            if is_read && is_quiet(&connection, &busy) {
                connection.stop();
            }
        }
        sleep(PAUSE).await;
    }
}

fn is_quiet(connection: &Connection, busy: &Busy) -> bool {
    let number = connection.number();
    // The rest of a frame never comes from a caller that is held.
    let has_begun = busy.frames.contains(&number) && !connection.is_held();
    !has_begun && !busy.calls.contains(&number)
}

/// Lets the runtime see what has arrived, and the connections read it: a connection must not end
/// beside a request that waits to be read.
async fn let_bytes_come() {
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
