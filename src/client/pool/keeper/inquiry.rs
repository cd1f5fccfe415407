//! When a client asks for the addresses of its service, and what it makes of the answers.

use std::{collections::BTreeSet, io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::time::{Instant, sleep_until};
use tracing::{debug, info, warn};

use crate::{
    client::{
        ConnectError, ConnectionState, DisconnectReason,
        config::{Config, MAX_CONNECTIONS},
        pool::{
            keeper::discovery::{Answer, Asking, Discovery},
            members::Members,
        },
        state::publisher::{StatePublisher, StateReporter},
    },
    telemetry::LogThrottle,
};

/// The shortest pause between two questions that lost connections cause.
const MIN_PAUSE: Duration = Duration::from_secs(1);

/// The questions of one client to its resolver.
pub(in crate::client) struct Inquiry {
    discovery: Arc<Discovery>,
    config: Arc<Config>,
    /// The question under way.
    asking: Option<Asking>,
    asked: Instant,
    next: Option<Instant>,
    /// Number of questions in a row without an address for an answer.
    failures: u32,
    /// The addresses of the last answer that had any.
    wanted: BTreeSet<SocketAddr>,
    /// Number of lost connections that have been acted upon.
    losses: u64,
    publisher: Arc<StatePublisher>,
    /// Reports the questions while there is no connection whose state could be reported.
    reporter: Option<StateReporter>,
    throttle: LogThrottle,
    is_over_limit: bool,
}

impl Inquiry {
    /// Returns an inquiry whose first question is due now.
    pub(in crate::client) fn new(
        discovery: &Arc<Discovery>,
        config: &Arc<Config>,
        publisher: &Arc<StatePublisher>,
    ) -> Self {
        let now = Instant::now();
        Self {
            discovery: Arc::clone(discovery),
            config: Arc::clone(config),
            asking: None,
            asked: now,
            next: Some(now),
            failures: 0,
            wanted: BTreeSet::new(),
            losses: publisher.losses(),
            publisher: Arc::clone(publisher),
            reporter: None,
            throttle: LogThrottle::default(),
            is_over_limit: false,
        }
    }

    /// Asks when it is time. Returns the answer. If the future is dropped, the question stays under
    /// way.
    pub(in crate::client) async fn answer(&mut self) -> Answer {
        let asking = match &mut self.asking {
            Some(asking) => asking,
            None => {
                match self.next {
                    Some(next) => sleep_until(next).await,
                    None => std::future::pending().await,
                }
                self.asked = Instant::now();
                if let Some(reporter) = &self.reporter {
                    reporter.post(ConnectionState::Connecting);
                }
                self.asking.insert(self.discovery.ask(self.config.connect_timeout))
            }
        };
        let answer = asking.await;
        self.asking = None;
        answer
    }

    /// Lets connections to addresses that are gone drain as soon as others have taken their place,
    /// and asks sooner if a connection was lost.
    pub(in crate::client) fn tend(&mut self, members: &Members) {
        if self.reporter.is_none() && members.is_empty() {
            self.reporter = Some(self.publisher.reporter());
        }
        if !self.wanted.is_empty() {
            members.keep_only(&self.wanted);
        }
        let losses = self.publisher.losses();
        if std::mem::replace(&mut self.losses, losses) != losses {
            let soon = self.asked + self.config.interval().min(MIN_PAUSE);
            self.next = Some(self.next.map_or(soon, |next| next.min(soon)));
        }
    }

    /// Changes the list of connections to what the answer says. An answer without any address
    /// changes nothing.
    pub(in crate::client) fn take(&mut self, answer: Answer, members: &Members) {
        match answer {
            Ok(addresses) if !addresses.is_empty() => self.found(addresses, members),
            Ok(_) => {
                let error = io::Error::new(io::ErrorKind::NotFound, "the resolver knows no address");
                self.failed(error, members);
            }
            Err(error) => self.failed(error, members),
        }
    }

    fn found(&mut self, addresses: Vec<SocketAddr>, members: &Members) {
        if std::mem::take(&mut self.failures) > 0 {
            info!("the resolver knows addresses again");
        }
        self.next = Instant::now().checked_add(self.config.interval());
        let links = members.links();
        let open: BTreeSet<_> = links.iter().filter_map(|link| link.place.address).collect();
        self.wanted = self.within_limit(addresses, &open);
        let new: Vec<_> = self.wanted.difference(&open).collect();
        for &&address in &new {
            // If there is no room for it, the next answer is the next opportunity.
            let has_joined = members.join(address, &self.discovery.opener(address));
            debug!(%address, has_joined, "a host was discovered");
        }
        if !new.is_empty() {
            members.start_all();
            members.changed(None);
        }
        if let Some(reporter) = self.reporter.take() {
            reporter.retire();
        }
        members.keep_only(&self.wanted);
    }

    /// Returns the addresses, each once, and no more than there may be connections. Of too many,
    /// those stay to which there are connections, and others are chosen at random, so that the
    /// clients of a service spread over its hosts.
    fn within_limit(&mut self, addresses: Vec<SocketAddr>, open: &BTreeSet<SocketAddr>) -> BTreeSet<SocketAddr> {
        let most = (MAX_CONNECTIONS / self.config.connections_to_open()).max(1);
        let addresses: BTreeSet<_> = addresses.into_iter().collect();
        let is_over_limit = addresses.len() > most;
        if is_over_limit && !self.is_over_limit {
            let found = addresses.len();
            warn!(
                found,
                most, "the resolver has returned more addresses than the client connects to"
            );
        }
        self.is_over_limit = is_over_limit;
        if !is_over_limit {
            return addresses;
        }
        let (mut chosen, mut others): (Vec<_>, Vec<_>) =
            addresses.into_iter().partition(|address| open.contains(address));
        fastrand::shuffle(&mut others);
        chosen.extend(others);
        chosen.truncate(most);
        chosen.into_iter().collect()
    }

    fn failed(&mut self, error: io::Error, members: &Members) {
        let error = ConnectError::new(Arc::new(error));
        let is_first = self.failures == 0;
        self.failures = self.failures.saturating_add(1);
        if is_first && let Some(suppressed) = self.throttle.allow() {
            let source = std::error::Error::source(&error);
            warn!(error = source, suppressed, "the resolver has returned no address");
        }
        let pause = self.config.reconnect.delay(self.failures).min(self.config.interval());
        self.next = Instant::now().checked_add(pause);
        if let Some(reporter) = &self.reporter {
            let reason = DisconnectReason::Unreachable(error.clone());
            reporter.post(ConnectionState::Disconnected(reason));
        }
        if self.config.reconnect.is_exhausted(self.failures) {
            members.changed(Some(error));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u32) -> SocketAddr {
        let [_, _, third, fourth] = number.to_be_bytes();
        SocketAddr::from(([10, 0, third, fourth], 8888))
    }

    #[tokio::test]
    async fn of_too_many_addresses_those_stay_that_are_open_and_others_are_drawn() {
        let config = Config {
            connections: crate::client::config::at_least_one(4),
            ..Config::default()
        };
        let discovery = Discovery::new(
            || std::future::ready(Ok(Vec::new())),
            |_| unreachable!("nothing is opened"),
        );
        let mut inquiry = Inquiry::new(&Arc::new(discovery), &Arc::new(config), &StatePublisher::new());
        let few = vec![address(1), address(2), address(1)];
        assert_eq!(inquiry.within_limit(few, &BTreeSet::new()).len(), 2, "each once");
        let open: BTreeSet<_> = [3, 5000, 9999, 20_000].map(address).into();
        let mut draw = || inquiry.within_limit((0..10_000).map(address).collect(), &open);
        let (one, other) = (draw(), draw());
        assert_eq!((one.len(), other.len()), (256, 256), "1,024 connections");
        assert_ne!(one, other);
        let stay = |chosen: &BTreeSet<_>| open.intersection(chosen).count();
        assert_eq!((stay(&one), stay(&other)), (3, 3), "one is gone");
    }
}
