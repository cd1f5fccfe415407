//! The values of a call as they come, before they have a type.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::task::coop::poll_proceed;

use crate::{
    client::{
        CallError, Client,
        call::{outgoing::OutgoingCall, trace::CallTrace},
        error::Answer,
        handle::stream_source::Source,
        pool::call_guard::CallGuard,
    },
    packet::CallId,
};

pub(in crate::client) struct Values {
    source: Source,
    watch: CallTrace,
    is_over: bool,
}

impl Client {
    /// Sends a request. Returns the source of its values, and its trace.
    pub(in crate::client) async fn ask_values(
        &self,
        mut outgoing: OutgoingCall,
        mut watch: CallTrace,
    ) -> Result<(Source, CallTrace), CallError> {
        let mut guard = CallGuard::new(Arc::clone(&self.pool));
        // A service that is stopping may refuse the call, which is then sent again.
        let kept = outgoing.draft.copied();
        match self.submit(&mut guard, &mut outgoing, &watch, pin!(None)).await {
            Ok(()) => {
                watch.identified(|| guard.id());
                Ok((Source::new(guard, outgoing.kind, kept, self.timeout), watch))
            }
            Err(error) => {
                guard.learn(false, &Err(error.clone()));
                watch.failed(&error);
                Err(error)
            }
        }
    }
}

impl Values {
    pub(in crate::client) const fn new(source: Source, watch: CallTrace) -> Self {
        Self {
            source,
            watch,
            is_over: false,
        }
    }

    /// Polls the next value. Returns the item that `item` makes of it; an error is the last item.
    pub(in crate::client) fn poll_next<T>(
        &mut self,
        cx: &mut Context<'_>,
        item: impl FnOnce(Answer) -> Result<T, CallError>,
    ) -> Poll<Option<Result<T, CallError>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        // A stream that always has more values must not starve the other futures of its task.
        let turn = ready!(poll_proceed(cx));
        let next = ready!(self.source.poll_next(&self.watch, cx));
        turn.made_progress();
        let item = next.map(item);
        match &item {
            Some(Ok(_)) => {}
            Some(Err(error)) => self.end(Some(error)),
            None => self.end(None),
        }
        Poll::Ready(item)
    }

    /// Ends the call, of which no further value is wanted.
    pub(in crate::client) fn end(&mut self, failure: Option<&CallError>) {
        self.is_over = true;
        match failure {
            Some(error) => self.watch.failed(error),
            None => self.watch.succeeded(),
        }
        self.source.end();
    }

    /// Returns the id of the request, if it has been submitted and has not ended.
    pub(in crate::client) fn id(&self) -> Option<CallId> {
        self.source.id()
    }
}

/// A caller that has taken the last value has the whole reply, also without polling for its end.
impl Drop for Values {
    fn drop(&mut self) {
        if !self.is_over && self.source.is_complete() {
            self.watch.succeeded();
        }
    }
}
