//! The state of the faults, shared by all connections.

use std::sync::Arc;

use tokio::sync::watch;

use super::Weather;

/// The weather, and the number of connections that will not recover by themselves.
#[derive(Debug, Clone)]
pub(super) struct Faults {
    pub(super) weather: watch::Receiver<Weather>,
    pub(super) spoilt: Arc<watch::Sender<usize>>,
}

impl Faults {
    pub(super) fn is_calm(&self) -> bool {
        self.weather.borrow().is_calm()
    }

    /// Waits until the weather is calm.
    pub(super) async fn calm(&mut self) {
        // If the proxy has been dropped, this task ends with it.
        let _ = self.weather.wait_for(Weather::is_calm).await;
    }

    /// Waits for `wait`, but at most until the weather is calm.
    pub(super) async fn unless_calm(&mut self, wait: impl Future<Output = ()>) {
        tokio::select! {
            () = wait => {}
            () = self.calm() => {}
        }
    }

    /// Counts this connection as spoilt until the returned guard is dropped.
    pub(super) fn spoilt(&self) -> Spoilt {
        self.spoilt.send_modify(|count| *count += 1);
        Spoilt(Arc::clone(&self.spoilt))
    }
}

/// A connection that will not recover by itself.
pub(super) struct Spoilt(Arc<watch::Sender<usize>>);

impl Drop for Spoilt {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}
