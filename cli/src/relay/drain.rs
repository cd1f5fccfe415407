//! The end of a proxy: each connection ends at its first quiet moment.

use std::{collections::HashSet, rc::Weak, time::Duration};

use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{connection::Connection, queue::Sender};
use crate::{failure::warn, plural::counted, signals};

/// Time between two looks at what is quiet.
const PAUSE: Duration = Duration::from_millis(10);

/// Ends each connection once no call is in flight on it, and all of them after this time or when
/// another signal comes. Returns the number of those that were cut with calls in flight.
pub(super) async fn drain(
    tasks: &mut JoinSet<()>,
    connections: &[Weak<Connection>],
    events: &Sender,
    limit: Duration,
) -> usize {
    let quiet = async {
        tokio::join!(end_quiet(connections, events), all_ended(tasks));
    };
    let have_ended = tokio::select! {
        ended = timeout(limit, quiet) => ended.is_ok(),
        _ = signals::first() => false,
    };
    if have_ended {
        return 0;
    }
    let busy = tokio::select! {
        busy = events.busy() => busy,
        // The thread is held up, by a disk for example.
        _ = signals::first() => HashSet::new(),
    };
    let open = connections.iter().filter_map(Weak::upgrade);
    let cut = open.filter(|connection| busy.contains(&connection.number())).count();
    tasks.shutdown().await;
    cut
}

async fn all_ended(tasks: &mut JoinSet<()>) {
    while tasks.join_next().await.is_some() {}
}

/// Ends connections that are quiet, until there are none left.
async fn end_quiet(connections: &[Weak<Connection>], events: &Sender) {
    loop {
        let open: Vec<_> = connections.iter().filter_map(Weak::upgrade).collect();
        if open.is_empty() {
            return;
        }
        let before: Vec<_> = open
            .into_iter()
            .map(|connection| (connection.seen(), connection))
            .collect();
        let busy = events.busy().await;
        for (seen, connection) in before {
            // The thread has not read what came meanwhile.
            let is_read = seen.is_some() && seen == connection.seen();
            if is_read && !busy.contains(&connection.number()) {
                connection.stop();
            }
        }
        sleep(PAUSE).await;
    }
}

pub(crate) fn warn_of_cut(connections: usize) {
    if connections > 0 {
        let connections = counted(connections as u64, "connection");
        warn(format_args!("{connections} cut with calls in flight"));
    }
}
