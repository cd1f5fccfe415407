//! The end of a proxy: each connection ends at its first quiet moment.

use std::{collections::HashSet, rc::Weak, time::Duration};

use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{link::Link, queue::Sender};
use crate::{failure::warn, plural::counted, signals};

/// Time between two looks at what is quiet.
const PAUSE: Duration = Duration::from_millis(10);

/// Ends each connection once no call is in flight on it, and all of them after this time or when
/// another signal comes. Returns the number of those that were cut with calls in flight.
pub(super) async fn drain(tasks: &mut JoinSet<()>, links: &[Weak<Link>], events: &Sender, limit: Duration) -> usize {
    let quiet = async {
        tokio::join!(end_quiet(links, events), all_ended(tasks));
    };
    tokio::select! {
        _ = timeout(limit, quiet) => {}
        _ = signals::first() => {}
    }
    let busy = tokio::select! {
        busy = events.busy() => busy,
        // The thread is held up, by a disk for example.
        _ = signals::first() => HashSet::new(),
    };
    let open = links.iter().filter_map(Weak::upgrade);
    let cut = open.filter(|link| busy.contains(&link.number())).count();
    tasks.shutdown().await;
    cut
}

async fn all_ended(tasks: &mut JoinSet<()>) {
    while tasks.join_next().await.is_some() {}
}

/// Ends connections that are quiet, until there are none left.
async fn end_quiet(links: &[Weak<Link>], events: &Sender) {
    loop {
        let open: Vec<_> = links.iter().filter_map(Weak::upgrade).collect();
        if open.is_empty() {
            return;
        }
        let before: Vec<_> = open.into_iter().map(|link| (link.seen(), link)).collect();
        let busy = events.busy().await;
        for (seen, link) in before {
            // The thread has not read what came meanwhile.
            let is_read = seen.is_some() && seen == link.seen();
            if is_read && !busy.contains(&link.number()) {
                link.stop();
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
