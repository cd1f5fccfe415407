//! A call under way, in the hands of its caller.

use std::{
    future::{Future, poll_fn},
    ops::Deref,
    sync::atomic::Ordering::Relaxed,
    task::{Context, Poll, Waker},
};

use tokio::sync::OwnedSemaphorePermit;

use super::{
    CallError,
    calls::{Because, Key},
    desk::{Progress, Submitted},
    errand::Errand,
    member::Member,
    members::Members,
    timeout::Silence,
    waiter::Answer,
};
use crate::packet::CallId;

/// Takes a call off its link when its caller no longer waits, whenever that is: there is a key from the moment on when the
/// packet is on the desk.
pub(super) struct Guard<M: Deref<Target = Members>> {
    members: M,
    link: usize,
    key: Option<Key>,
    is_counted: bool,
    /// Given back when this is dropped.
    place: Option<OwnedSemaphorePermit>,
}

impl<M: Deref<Target = Members>> Guard<M> {
    pub(super) fn new(members: M) -> Self {
        Self {
            members,
            link: 0,
            key: None,
            is_counted: false,
            place: None,
        }
    }

    /// Submits a packet at once, if that needs no waiting: if a place, a link and a slot are to be had. Returns false if it
    /// does; nothing has been taken then. `waker` is woken by what comes of it.
    #[inline]
    pub(super) fn try_submit(&mut self, errand: &mut Errand, waker: Option<Waker>) -> Result<bool, CallError> {
        if errand.is_request() {
            match self.members.try_place()? {
                Some(place) => self.place = place,
                None => return Ok(false),
            }
        }
        let Some(link) = self.members.ready() else {
            self.place = None;
            return Ok(false);
        };
        self.link = link;
        let submitted = self
            .members
            .link(link)
            .try_submit(errand, waker, &self.members.config)?;
        match submitted {
            Some(submitted) => self.submitted(errand, &submitted),
            None => self.place = None,
        }
        Ok(self.key.is_some())
    }

    /// Submits a packet when there are a place, a link and a slot for it.
    pub(super) async fn submit(&mut self, errand: &mut Errand) -> Result<(), CallError> {
        if errand.is_request() && self.place.is_none() {
            self.place = self.members.place().await?;
        }
        self.link = match self.members.ready() {
            Some(link) => link,
            None => self.members.first_ready().await?,
        };
        let submitted = self.member().submit(errand, &self.members.config).await?;
        self.submitted(errand, &submitted);
        Ok(())
    }

    fn submitted(&mut self, errand: &mut Errand, submitted: &Submitted) {
        self.key = Some(submitted.key);
        // Where links compete for calls, this one is busier now.
        self.is_counted = errand.is_request() && self.members.has_choice();
        if self.is_counted {
            self.member().load.fetch_add(1, Relaxed);
        }
        // The caller waits on; others need the memory now.
        errand.draft.retire();
        self.member().start_if(submitted.is_first, &self.members.config);
    }

    /// The id of a request that has been submitted and not ended.
    pub(super) fn id(&self) -> Option<CallId> {
        self.key.map(|key| self.member().desk.id(key))
    }

    /// Asks for this link and waits until it is there.
    pub(super) async fn connect(&mut self, link: usize) -> Result<(), CallError> {
        self.link = link;
        let link = self.members.link(link);
        let submitted = link.connect().ok_or(CallError::Closed)?;
        self.key = Some(submitted.key);
        link.start_if(submitted.is_first, &self.members.config);
        poll_fn(|cx| self.poll_end(cx)).await.map(drop)
    }

    /// How the call ends. It has been submitted in this very poll of the task, which is then known to the desk.
    pub(super) fn ended(&mut self) -> impl Future<Output = Answer> {
        let mut is_known = true;
        poll_fn(move |cx| match std::mem::take(&mut is_known) {
            true => Poll::Pending,
            false => self.poll_end(cx),
        })
    }

    /// The next value of a stream, or its end; `silence` bounds how long the service may take for it.
    pub(super) fn poll_next(&mut self, silence: &mut Silence, cx: &mut Context<'_>) -> Poll<Option<Answer>> {
        let Some(key) = self.key else {
            return Poll::Ready(None);
        };
        match self.member().desk.poll_next(key, cx) {
            Progress::Ready(next) => return Poll::Ready(next),
            Progress::Pending => {}
            Progress::Unattended => self.start(),
        }
        self.poll_silence(key, silence, cx)
    }

    fn poll_silence(&self, key: Key, silence: &mut Silence, cx: &mut Context<'_>) -> Poll<Option<Answer>> {
        match self.member().desk.since(key) {
            Some(since) => silence.poll(since, cx).map(|error| Some(Err(error))),
            None => Poll::Pending,
        }
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Answer> {
        let key = self.key.expect("it has been submitted");
        match self.member().desk.poll_end(key, cx) {
            Progress::Ready(end) => {
                self.key = None;
                Poll::Ready(end)
            }
            Progress::Pending => Poll::Pending,
            Progress::Unattended => {
                self.start();
                Poll::Pending
            }
        }
    }

    /// Starts a task for the connection, whose last one went with its runtime.
    #[cold]
    fn start(&self) {
        self.member().start_if(true, &self.members.config);
    }

    /// Ends the call, and gives back what it has taken.
    pub(super) fn release(&mut self, because: Because) {
        self.leave_link(because);
        self.place = None;
    }

    /// Takes the call off its link. It keeps its place among the requests under way.
    pub(super) fn leave_link(&mut self, because: Because) {
        if std::mem::take(&mut self.is_counted) {
            self.member().load.fetch_sub(1, Relaxed);
        }
        if let Some(key) = self.key.take() {
            self.member().desk.give_up(key, because);
        }
    }

    fn member(&self) -> &Member {
        self.members.link(self.link)
    }
}

impl<M: Deref<Target = Members>> Drop for Guard<M> {
    fn drop(&mut self) {
        self.release(Because::Dropped);
    }
}
