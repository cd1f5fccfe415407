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
    calls::{Key, Returned},
    desk::{End, Refused, Submitted},
    errand::{Errand, Kind},
    limit::Limit,
    member::Member,
    members::{Chosen, Members},
    waiter::Answer,
};
use crate::packet::CallId;

/// Takes a call off its link when its caller no longer waits, whenever that is: there is a key from the moment on when the
/// packet is on the desk.
pub(super) struct Guard<M: Deref<Target = Members>> {
    members: M,
    link: usize,
    key: Option<Key>,
    /// Whether the link counts as one call busier.
    is_counted: bool,
    /// Whether the end of the call tells whether the host is well again.
    is_probe: bool,
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
            is_probe: false,
            place: None,
        }
    }

    /// Takes a place among the requests under way, if their number is limited.
    pub(super) async fn take_place(&mut self, limit: &mut Limit) -> Result<(), CallError> {
        self.place = self.members.place(limit).await?;
        Ok(())
    }

    /// Takes one of the links, waiting for one if none is connected of several. A link that competes for calls counts as one
    /// call busier.
    pub(super) async fn take_link(&mut self, limit: &mut Limit, is_request: bool) -> Result<(), CallError> {
        let chosen = match self.members.ready(is_request) {
            Some(chosen) => chosen,
            None => self.members.first_ready(limit).await?,
        };
        self.take(chosen);
        Ok(())
    }

    fn take(&mut self, chosen: Chosen) {
        (self.link, self.is_probe) = (chosen.link, chosen.is_probe);
        self.is_counted = self.members.has_choice();
        if self.is_counted {
            self.member().load.fetch_add(1, Relaxed);
        }
    }

    /// Learns from the end of the call, or from a value of it, how the host of its link is.
    pub(super) fn learn(&mut self, is_event: bool, answer: &Answer) {
        if let Some(health) = &self.members.health
            && self.is_counted
        {
            health.learn(self.link, is_event, std::mem::take(&mut self.is_probe), answer);
        }
    }

    /// Puts the packet on the desk, when there is room for it.
    pub(super) async fn submit(&mut self, errand: &mut Errand) -> Result<(), CallError> {
        let link = self.members.link(self.link);
        let submitted = link.submit(errand, &self.members.config).await?;
        // The caller waits on; others need the memory now.
        errand.draft.retire();
        self.submitted(&submitted);
        Ok(())
    }

    fn submitted(&mut self, submitted: &Submitted) {
        self.key = Some(submitted.key);
        let link = self.members.link(self.link);
        link.start_if(submitted.is_first, &self.members.config);
        self.members.recheck(self.link);
    }

    /// Puts a stream's packet down elsewhere, which was given back because its link is lost.
    #[cold]
    fn submit_elsewhere(&mut self, returned: Returned, waker: &Waker) -> Result<(), CallError> {
        self.leave_link();
        let chosen = self.members.ready(true).unwrap_or(Chosen::usual(self.link));
        self.take(chosen);
        let errand = &mut Errand::reopened(Kind::Stream, returned);
        let submitted = self.member().desk.submit(errand, Some(waker.clone()), None);
        let submitted = submitted.map_err(|refused| match refused {
            Refused::Full => CallError::Overloaded,
            Refused::Closed => CallError::Closed,
        })?;
        self.submitted(&submitted);
        Ok(())
    }

    /// Takes the call off its link. It keeps its place among the requests under way.
    pub(super) fn leave_link(&mut self) {
        if std::mem::take(&mut self.is_counted) {
            self.member().load.fetch_sub(1, Relaxed);
        }
        if std::mem::take(&mut self.is_probe)
            && let Some(health) = &self.members.health
        {
            health.probe_dropped(self.link);
        }
        if let Some(key) = self.key.take() {
            self.member().desk.give_up(key);
        }
    }

    /// The id of a request that has been submitted and not ended.
    pub(super) fn id(&self) -> Option<CallId> {
        self.key.map(|key| self.member().desk.id(key))
    }

    /// Asks for this link and waits until it is there.
    pub(super) async fn connect(&mut self, link: usize, limit: Limit) -> Result<(), CallError> {
        self.link = link;
        let link = self.members.link(link);
        let submitted = link.connect(limit).ok_or(CallError::Closed)?;
        self.key = Some(submitted.key);
        link.start_if(submitted.is_first, &self.members.config);
        match poll_fn(|cx| self.poll_end(cx)).await {
            End::Answer(answer) => answer.map(drop),
            // It has no packet.
            End::Returned(_) => Ok(()),
        }
    }

    /// How the call ends. It has been submitted in this very poll of the task, which is then known to the desk.
    pub(super) fn ended(&mut self) -> impl Future<Output = End> {
        let mut is_known = true;
        poll_fn(move |cx| match std::mem::take(&mut is_known) {
            true => Poll::Pending,
            false => self.poll_end(cx),
        })
    }

    /// The next value of a stream, or its end.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Answer>> {
        let Some(key) = self.key else {
            return Poll::Ready(None);
        };
        if let next @ Poll::Ready(_) = self.member().desk.poll_next(key, cx) {
            return next;
        }
        let Some(returned) = self.take_returned(key) else {
            return Poll::Pending;
        };
        match self.submit_elsewhere(returned, cx.waker()) {
            Ok(()) => Poll::Pending,
            Err(error) => Poll::Ready(Some(Err(error))),
        }
    }

    fn take_returned(&mut self, key: Key) -> Option<Returned> {
        if !self.members.has_choice() {
            return None;
        }
        let returned = self.member().desk.take_returned(key)?;
        self.key = None;
        Some(returned)
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        let key = self.key.expect("it has been submitted");
        let end = self.member().desk.poll_end(key, cx);
        if end.is_ready() {
            self.key = None;
        }
        end
    }

    fn member(&self) -> &Member {
        self.members.link(self.link)
    }
}

impl<M: Deref<Target = Members>> Drop for Guard<M> {
    fn drop(&mut self) {
        self.leave_link();
    }
}
