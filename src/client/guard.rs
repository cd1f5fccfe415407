//! A call under way, in the hands of its caller.

use std::{
    future::poll_fn,
    ops::Deref,
    sync::atomic::Ordering::Relaxed,
    task::{Context, Poll},
};

use tokio::sync::OwnedSemaphorePermit;

use super::{CallError, calls::Key, desk::Errand, limit::Limit, member::Member, members::Members, waiter::Answer};
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
    /// For something that no limit counts.
    pub(super) fn new(members: M, link: usize) -> Self {
        Self {
            members,
            link,
            key: None,
            is_counted: false,
            place: None,
        }
    }

    /// For a request, which has a place among those under way if these are limited.
    pub(super) fn of_request(members: M, link: usize, place: Option<OwnedSemaphorePermit>) -> Self {
        // Only where links compete for calls.
        let is_counted = members.has_choice();
        if is_counted {
            members.link(link).load.fetch_add(1, Relaxed);
        }
        let mut guard = Self::new(members, link);
        (guard.is_counted, guard.place) = (is_counted, place);
        guard
    }

    /// Puts the packet on the desk, when there is room for it. A request has an id then.
    pub(super) async fn submit(&mut self, errand: &mut Errand) -> Result<Option<CallId>, CallError> {
        let link = self.members.link(self.link);
        let submitted = link.submit(errand, &self.members.config).await?;
        self.key = Some(submitted.key);
        // The caller waits on; others need the memory now.
        errand.draft.retire();
        link.start_if(submitted.is_first, &self.members.config);
        Ok(submitted.id)
    }

    /// Asks for a link and waits until there is one.
    pub(super) async fn connect(&mut self, limit: Limit) -> Result<(), CallError> {
        let link = self.members.link(self.link);
        let submitted = link.connect(limit).ok_or(CallError::Closed)?;
        self.key = Some(submitted.key);
        link.start_if(submitted.is_first, &self.members.config);
        poll_fn(|cx| self.poll_end(cx)).await.map(drop)
    }

    /// How the call ends. It has been submitted in this very poll of the task, which is then known to the desk.
    pub(super) async fn ended(&mut self) -> Answer {
        let mut is_known = true;
        poll_fn(|cx| match std::mem::take(&mut is_known) {
            true => Poll::Pending,
            false => self.poll_end(cx),
        })
        .await
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
        if let Some(key) = self.key {
            self.member().desk.give_up(key);
        }
    }
}
