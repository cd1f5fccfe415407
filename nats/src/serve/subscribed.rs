//! A service whose subscriptions exist.

use std::{
    fmt,
    future::{Future, IntoFuture},
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use async_nats::{Client, Subject, Subscriber};
use nest_wire::pattern::Route;
use tokio::{sync::Semaphore, task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    InvalidSubject, Serve, ServeError, ShutdownOutcome,
    serve::{cut::Cut, handling::Handling, round_trip::round_trip, subscription::Subscription},
    subject::to_subscribe,
};

/// A service whose subscriptions the server knows; see [`Serve::subscribe`]. Its handlers run once
/// it is awaited.
#[must_use = "a service runs only while it is awaited"]
pub struct Subscribed<F> {
    subscriptions: Vec<Subscription>,
    handling: Arc<Handling>,
    running: Arc<AtomicUsize>,
    drain_timeout: Duration,
    signal: F,
}

impl<F> Subscribed<F> {
    pub(crate) async fn new(serve: Serve<F>) -> Result<Self, ServeError> {
        let subjects = subjects(&serve)?;
        let permits = |most: std::num::NonZeroUsize| Arc::new(Semaphore::new(most.get().min(Semaphore::MAX_PERMITS)));
        let handling = Arc::new(Handling {
            nats: serve.nats,
            routes: serve.routes,
            in_flight: serve.max_in_flight.map(permits),
            cut: Cut::default(),
        });
        let running = Arc::default();
        let mut subscriptions = Vec::with_capacity(subjects.len());
        for (route, subject) in subjects {
            subscriptions.push(Subscription {
                route,
                messages: subscriber(&handling.nats, &subject, serve.queue.as_deref()).await?,
                handling: Arc::clone(&handling),
                running: Arc::clone(&running),
            });
        }
        round_trip(&handling.nats).await?;
        Ok(Self {
            subscriptions,
            handling,
            running,
            drain_timeout: serve.drain_timeout,
            signal: serve.signal,
        })
    }
}

/// Returns the subject of each route.
fn subjects<F>(serve: &Serve<F>) -> Result<Vec<(Route<'static>, Subject)>, ServeError> {
    let mut subjects = Vec::new();
    let mut invalid: Vec<InvalidSubject> = Vec::new();
    for (route, _) in serve.routes.registered() {
        match to_subscribe(&route.to_string()) {
            Ok(subject) => subjects.push((route.clone(), subject)),
            Err(error) => invalid.push(error),
        }
    }
    if invalid.is_empty() {
        Ok(subjects)
    } else {
        Err(ServeError::InvalidSubjects(invalid))
    }
}

async fn subscriber(nats: &Client, subject: &Subject, queue: Option<&str>) -> Result<Subscriber, ServeError> {
    let subscribed = match queue {
        Some(queue) => nats.queue_subscribe(subject.clone(), queue.to_owned()).await,
        None => nats.subscribe(subject.clone()).await,
    };
    subscribed.map_err(|source| ServeError::Subscribe {
        subject: subject.to_string(),
        source: source.into(),
    })
}

impl<F: Future<Output = ()> + Send + 'static> Subscribed<F> {
    async fn run(self) -> Result<ShutdownOutcome, ServeError> {
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        for subscription in self.subscriptions {
            tasks.spawn(subscription.run(stop.clone()));
        }
        let mut signal = pin!(self.signal);
        tokio::select! {
            () = &mut signal => {}
            // Handlers' panics are caught, so a task ends because its subscription has ended.
            () = all(&mut tasks), if !tasks.is_empty() => return Err(ServeError::Closed),
        }
        stop.cancel();
        if let Ok(drained) = timeout(self.drain_timeout, end(&mut tasks, &self.handling)).await {
            return drained.map(|()| ShutdownOutcome::Drained);
        }
        let requests = self.running.load(Relaxed);
        self.handling.cut.begin();
        let _ = timeout(LAST_REPLIES, end(&mut tasks, &self.handling)).await;
        Ok(ShutdownOutcome::Cut { requests })
    }
}

/// Maximum time for the errors to callers whose requests are cut.
const LAST_REPLIES: Duration = Duration::from_secs(1);

/// Waits until all messages have been handled, and the server has read the replies: a process that
/// ends earlier may lose the last of them.
async fn end(tasks: &mut JoinSet<()>, handling: &Handling) -> Result<(), ServeError> {
    all(tasks).await;
    round_trip(&handling.nats).await
}

async fn all(tasks: &mut JoinSet<()>) {
    while tasks.join_next().await.is_some() {}
}

impl<F: Future<Output = ()> + Send + 'static> IntoFuture for Subscribed<F> {
    type Output = Result<ShutdownOutcome, ServeError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl<F> fmt::Debug for Subscribed<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscribed")
            .field("subscriptions", &self.subscriptions.len())
            .finish_non_exhaustive()
    }
}
