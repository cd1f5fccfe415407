//! The links of one client, and which of them the next call takes.
//!
//! A client of one link hands everything to that. Of several, those that are connected count; of two of them, taken at
//! random, the one with fewer calls under way gets the call ("the power of two choices"), which spreads calls nearly
//! as well as looking at all. A host that is lost is out at once, and its task tries to connect to it, ever more
//! seldom, until it is back in.

use std::{
    future::Future,
    io,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use futures_util::{StreamExt, future::join_all, stream::FuturesUnordered};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{OwnedSemaphorePermit, Semaphore},
};

use super::{
    CallError, Config, When, WhenFull,
    driver::Driver,
    member::{Member, stopped},
    state::{Board, Notice},
    waiting::Limit,
    watch::Meters,
};
use crate::packet::CallId;

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
                .map(|(index, connect)| link(connect.clone(), Arc::clone(&config), board.notice(index)))
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

    /// The link that a call takes, by its index. Waits for one to be connected only if there is a choice.
    pub(super) async fn choose(&self, limit: Limit) -> Result<usize, CallError> {
        if self.links.len() == 1 {
            return Ok(0);
        }
        match self.ready() {
            Some(index) => Ok(index),
            None => self.first_connected(limit).await,
        }
    }

    /// Waits until any link is connected; its index.
    pub(super) async fn first_connected(&self, limit: Limit) -> Result<usize, CallError> {
        let connecting = |(index, link): (usize, &Member)| {
            let connected = link.connect(&self.config, limit);
            async move { connected?.await.unwrap_or_else(|_| Err(stopped())).map(|()| index) }
        };
        let mut attempts: FuturesUnordered<_> = self.links.iter().enumerate().map(connecting).collect();
        let mut outcome = Err(stopped());
        while let Some(connected) = attempts.next().await {
            outcome = connected;
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    /// A place among the requests under way, if their number is limited.
    pub(super) async fn place(&self, limit: Limit) -> Result<Option<OwnedSemaphorePermit>, CallError> {
        let Some(places) = &self.in_flight else {
            return Ok(None);
        };
        let waiting = Arc::clone(places).acquire_owned();
        let place = match (Arc::clone(places).try_acquire_owned(), self.config.when_full) {
            (Ok(place), _) => Ok(place),
            (Err(_), WhenFull::Fail) => return Err(CallError::Overloaded),
            (Err(_), WhenFull::Wait) => limit.keep(waiting).await?,
        };
        Ok(Some(place.expect("nobody closes it")))
    }

    pub(super) async fn close(&self) {
        join_all(self.links.iter().map(Member::close)).await;
    }

    pub(super) fn link(&self, index: usize) -> &Member {
        &self.links[index]
    }

    /// Of two connected links the less busy one.
    fn ready(&self) -> Option<usize> {
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

fn link<C, F, IO>(connect: C, config: Arc<Config>, notice: Notice) -> Member
where
    C: Fn() -> F + Clone + Send + Sync + 'static,
    F: Future<Output = io::Result<IO>> + Send + 'static,
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let theirs = notice.clone();
    let start = move |desk| {
        let driver = Driver::new(connect.clone(), Arc::clone(&config), desk, theirs.clone());
        tokio::spawn(driver.run());
    };
    Member::new(Box::new(start), notice)
}

/// Takes a call off its link when its caller no longer waits. It exists before the request is on its way, so that a
/// caller who is dropped at any moment leaves nothing behind.
pub(super) struct Guard {
    members: Arc<Members>,
    link: usize,
    pub(super) id: CallId,
    /// Whether the link knows nothing of the call any more, or does not yet.
    is_over: bool,
    _place: Option<OwnedSemaphorePermit>,
}

impl Guard {
    /// Chooses a link for the call `id`.
    pub(super) async fn new(members: &Arc<Members>, id: CallId, limit: Limit) -> Result<Self, CallError> {
        let place = members.place(limit).await?;
        let link = members.choose(limit).await?;
        let guard = Self {
            members: Arc::clone(members),
            link,
            id,
            is_over: false,
            _place: place,
        };
        if guard.is_counted() {
            guard.link().load.fetch_add(1, Relaxed);
        }
        Ok(guard)
    }

    pub(super) fn link(&self) -> &Member {
        self.members.link(self.link)
    }

    /// The call has ended by itself.
    pub(super) fn is_over(&mut self) {
        self.is_over = true;
    }

    fn is_counted(&self) -> bool {
        self.members.links.len() > 1
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.is_counted() {
            self.link().load.fetch_sub(1, Relaxed);
        }
        if !self.is_over {
            self.link().forget(self.id);
        }
    }
}
