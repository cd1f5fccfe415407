//! A call under way, in the hands of its caller.

use std::{
    future::{Future, poll_fn},
    ops::Deref,
    sync::atomic::Ordering::Relaxed,
    task::{Context, Poll},
};

use tokio::sync::OwnedSemaphorePermit;

use super::{CallError, calls::Key, errand::Errand, limit::Limit, member::Member, members::Members, waiter::Answer};
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
        (self.link, self.is_probe) = (chosen.link, chosen.is_probe);
        self.is_counted = self.members.has_choice();
        if self.is_counted {
            self.member().load.fetch_add(1, Relaxed);
        }
        Ok(())
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
        self.key = Some(submitted.key);
        // The caller waits on; others need the memory now.
        errand.draft.retire();
        link.start_if(submitted.is_first, &self.members.config);
        Ok(())
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

    /// The next value of a stream, or its end.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Answer>> {
        match self.key {
            Some(key) => self.member().desk.poll_next(key, cx),
            None => Poll::Ready(None),
        }
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Answer> {
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
        if self.is_counted {
            self.member().load.fetch_sub(1, Relaxed);
        }
        if self.is_probe
            && let Some(health) = &self.members.health
        {
            health.probe_dropped(self.link);
        }
        if let Some(key) = self.key {
            self.member().desk.give_up(key);
        }
    }
}
