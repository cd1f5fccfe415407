//! Clients that connect and disconnect.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use fastrand::Rng;
use nest_wire::client::Client;
use tokio::time::interval;

use super::{Shared, work::Worker};

/// Time between two new clients.
const EVERY: Duration = Duration::from_millis(20);

/// Number of calls of each client.
const CALLS: u64 = 10;

/// Makes clients one after the other. Each makes some calls and is then closed or dropped.
pub(super) async fn come_and_go(address: String, shared: Arc<Shared>, seed: u64) -> Result<(), String> {
    let mut random = Rng::with_seed(seed);
    let mut ticks = interval(EVERY);
    while !shared.is_over.load(Relaxed) {
        ticks.tick().await;
        let client = Client::new(address.as_str());
        let mut worker = Worker::new(client.clone(), Arc::clone(&shared), random.u64(..));
        for _ in 0..CALLS {
            worker.small().await?;
        }
        shared.done.fetch_add(CALLS, Relaxed);
        if random.bool() {
            client.close().await;
        }
    }
    Ok(())
}
