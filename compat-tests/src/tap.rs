//! A proxy whose record can be waited for.

use std::net::SocketAddr;

use nest_wire::recording::{Content, Event, Proxy, Side};
use tokio::{sync::watch, time::timeout};

use crate::PATIENCE;

/// A proxy in front of a service.
#[derive(Debug)]
pub struct Tap {
    proxy: Proxy,
    heard: watch::Receiver<()>,
}

impl Tap {
    /// Listens on a free port for callers of `service`.
    ///
    /// # Panics
    /// Panics if there is no free port.
    pub async fn on(service: SocketAddr) -> Self {
        let (tell, heard) = watch::channel(());
        let proxy = Proxy::start(service.to_string(), move |_| tell.send_replace(())).await;
        Self {
            proxy: proxy.expect("a free port"),
            heard,
        }
    }

    /// Returns the address for callers.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.proxy.address()
    }

    /// Returns the events recorded so far.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.proxy.events()
    }

    /// Returns the recorded events once these sides of all connections have closed.
    ///
    /// # Panics
    /// Panics if a side does not close in time.
    pub async fn events_until_closed(&mut self, sides: &[Side]) -> Vec<Event> {
        let closed = async {
            while !self.are_closed(sides) {
                self.heard.changed().await.expect("the proxy lives");
            }
        };
        let waited = timeout(PATIENCE, closed).await;
        let events = self.events();
        waited.unwrap_or_else(|_| panic!("a side was not closed within {PATIENCE:?}: {events:#?}"));
        events
    }

    fn are_closed(&self, sides: &[Side]) -> bool {
        let events = self.events();
        let has_closed = |connection: u32, side: Side| {
            let mut events = events.iter();
            events.any(|event| (event.connection, event.from, &event.content) == (connection, side, &Content::End))
        };
        let mut links = events.iter().map(|event| event.connection);
        !events.is_empty() && links.all(|link| sides.iter().all(|side| has_closed(link, *side)))
    }
}
