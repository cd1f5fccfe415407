//! Attacks with connections.

use std::time::Duration;

use futures_util::{StreamExt, future::join_all, stream::FuturesUnordered};
use tokio::io::AsyncReadExt;

use crate::target::{MEGABYTE, Target};

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_connections_that_come_and_go_leaves_nothing_behind() {
    let target = Target::start(&[]).await;
    let attack = async {
        for _ in 0..50 {
            let streams = join_all((0..100).map(|_| target.connect())).await;
            drop(streams);
        }
    };
    let ((), cost) = target.during(attack).await;
    assert!(
        cost.memory < 32 * MEGABYTE && cost.cpu < Duration::from_secs(20),
        "{cost:?}"
    );
    target.lets_go().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_limit_are_ended() {
    const COUNT: usize = 500;
    const LIMIT: usize = 50;
    let target = Target::start(&["--max-connections", "50"]).await;
    let attack = async {
        let mut streams = join_all((0..COUNT).map(|_| target.connect())).await;
        // The honest caller has one of the permits. The other connections end in any way.
        let mut ends: FuturesUnordered<_> = streams.iter_mut().map(AsyncReadExt::read_u8).collect();
        for _ in 0..=COUNT - LIMIT {
            let end = ends.next().await;
            assert!(
                end.is_some_and(|end| end.is_err()),
                "a byte came, which nobody has asked for"
            );
        }
        drop(ends);
        streams
    };
    let (streams, cost) = target.during(attack).await;
    assert!(cost.memory < 32 * MEGABYTE, "{cost:?}");
    drop(streams);
    target.lets_go().await;
}
