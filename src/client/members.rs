//! The links of one client, and which of them the next call takes.
//!
//! A client of one link hands everything to that. Of several, those that are connected count; of two of them, taken at
//! random, the one with fewer calls under way gets the call ("the power of two choices"), which spreads calls nearly
//! as well as looking at all. A host that is lost is out at once, and its task tries to connect to it, ever more
//! seldom, until it is back in.

use std::{future::Future, io, sync::Arc};

use futures_util::{StreamExt, future::join_all, stream::FuturesUnordered};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{OwnedSemaphorePermit, Semaphore},
};

use super::{
    CallError, Config, When, WhenFull,
    driver::Driver,
    guard::Guard,
    member::Member,
    state::{Board, Notice},
    watch::Meters,
};

pub(super) struct Members {
    links: Vec<Member>,
    pub(super) board: Arc<Board>,
    pub(super) config: Arc<Config>,
    in_flight: Option<Arc<Semaphore>>,
    pub(super) meters: Meters,
}

impl Members {
    /// One link for each connector, times [`Config::connections`].
    pub(super) fn new<C, F, IO>(connectors: &[C], mut config: Config) -> Self
    where
        C: Fn() -> F + Clone + Send + Sync + 'static,
        F: Future<Output = io::Result<IO>> + Send + 'static,
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let count = connectors.len() * config.connections.get();
        if count > 1 {
            // Which of them are there must be known before there is a call.
            config.reconnect.when = When::Always;
        }
        let (config, board) = (Arc::new(config), Board::new(count));
        let connectors = connectors.iter().cycle().take(count).enumerate();
        Self {
            links: connectors
                .map(|(index, connect)| link(connect.clone(), &config, board.notice(index)))
                .collect(),
            in_flight: config.max_in_flight.map(|most| {
                let most = most.get().min(Semaphore::MAX_PERMITS);
                Arc::new(Semaphore::new(most))
            }),
            board,
            config,
            meters: Meters::new(),
        }
    }

    /// The link that a call takes, by its index, when none was [ready](Self::ready).
    pub(super) async fn first_ready(&self) -> Result<usize, CallError> {
        self.first_connected().await
    }

    /// Waits until any link is connected; its index.
    pub(super) async fn first_connected(&self) -> Result<usize, CallError> {
        let connecting = async |index| {
            let mut guard = Guard::new(self);
            guard.connect(index).await.map(|()| index)
        };
        let mut attempts: FuturesUnordered<_> = (0..self.links.len()).map(connecting).collect();
        let mut outcome = Err(CallError::Closed);
        while let Some(connected) = attempts.next().await {
            outcome = connected;
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    /// A place among the requests under way, if their number is limited; `None` if there is none now, and callers wait.
    #[inline]
    pub(super) fn try_place(&self) -> Result<Option<Option<OwnedSemaphorePermit>>, CallError> {
        let Some(places) = &self.in_flight else {
            return Ok(Some(None));
        };
        match (Arc::clone(places).try_acquire_owned(), self.config.when_full) {
            (Ok(place), _) => Ok(Some(Some(place))),
            (Err(_), WhenFull::Fail) => Err(CallError::Overloaded),
            (Err(_), WhenFull::Wait) => Ok(None),
        }
    }

    /// As [`try_place`](Self::try_place), when there is one.
    pub(super) async fn place(&self) -> Result<Option<OwnedSemaphorePermit>, CallError> {
        if let Some(place) = self.try_place()? {
            return Ok(place);
        }
        let places = self.in_flight.as_ref().map(Arc::clone).expect("they are limited");
        Ok(Some(places.acquire_owned().await.expect("nobody closes it")))
    }

    pub(super) async fn close(&self) {
        join_all(self.links.iter().map(|link| link.close(self.config.drain_timeout))).await;
    }

    /// Whether links compete for calls.
    pub(super) fn has_choice(&self) -> bool {
        self.links.len() > 1
    }

    pub(super) fn link(&self, index: usize) -> &Member {
        &self.links[index]
    }

    /// The link that a call takes, by its index: the only one, or of two connected ones the less busy.
    #[inline]
    pub(super) fn ready(&self) -> Option<usize> {
        match self.has_choice() {
            true => self.pick(),
            false => Some(0),
        }
    }

    fn pick(&self) -> Option<usize> {
        let count = self.links.len();
        let start = fastrand::usize(..count);
        let from_there = (start..count).chain(0..start);
        let mut connected = from_there.filter(|index| self.links[*index].notice.is_connected());
        let one = connected.next()?;
        let others = connected.clone().count();
        let Some(other) = (others > 0).then(|| connected.nth(fastrand::usize(..others))).flatten() else {
            return Some(one);
        };
        let is_busier = self.links[one].load() > self.links[other].load();
        Some(if is_busier { other } else { one })
    }
}

fn link<C, F, IO>(connect: C, config: &Arc<Config>, notice: Notice) -> Member
where
    C: Fn() -> F + Clone + Send + Sync + 'static,
    F: Future<Output = io::Result<IO>> + Send + 'static,
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let theirs = notice.clone();
    let of_driver = Arc::clone(config);
    let start = move |clerk| {
        let driver = Driver::new(connect.clone(), Arc::clone(&of_driver), clerk, theirs.clone());
        tokio::spawn(driver.run());
    };
    Member::new(Box::new(start), config, notice)
}
