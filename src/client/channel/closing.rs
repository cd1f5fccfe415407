//! The end of the client, of a driver, and of a connection: which calls fail with it, and which
//! wait for the next one.

use std::task::Waker;

use crate::client::{
    CallError, DisconnectReason,
    channel::{ChannelState, RequestChannel, pending::WakeList, wake},
};

impl RequestChannel {
    /// Rejects further calls. Returns true if this closes the channel at once, because there is no
    /// driver; otherwise the driver first finishes the calls in flight.
    pub(in crate::client) fn close(&self) -> bool {
        let mut state = self.lock();
        let is_new = !std::mem::replace(&mut state.is_closing, true);
        let driver_waker = state.driver_waker.take();
        let driver_stopped = !state.driver_running;
        drop(state);
        if driver_stopped {
            self.queue_permits.close();
        }
        driver_waker.into_iter().for_each(Waker::wake);
        is_new && driver_stopped
    }

    /// Returns true if the channel rejects calls and its driver has ended.
    pub(in crate::client) fn has_ended(&self) -> bool {
        let state = self.lock();
        state.is_closing && !state.driver_running
    }

    /// Waits until there is no driver.
    pub(in crate::client) async fn driver_stopped(&self) {
        loop {
            let ended = self.ended.notified();
            if !self.lock().driver_running {
                return;
            }
            ended.await;
        }
    }

    /// Fails all pending calls, because closing has exceeded its timeout. The driver cuts its
    /// connection at its next poll.
    pub(in crate::client) fn cut(&self) {
        let mut woken = WakeList::new();
        let mut state = self.lock();
        state.is_overdue = true;
        state.fail_sent(DisconnectReason::Closed, &mut woken);
        let freed = state.fail_waiting(&CallError::Closed, &mut woken);
        woken.extend(state.driver_waker.take());
        drop(state);
        self.queue_permits.add_permits(freed);
        wake(woken.drain(..));
    }

    /// Marks the driver as ended, also if it was dropped with its runtime. The calls that were
    /// written fail. The others keep waiting, and the first of their callers that is polled starts
    /// another driver, in a runtime that is running. A closing client starts none, so its calls all
    /// fail.
    pub(in crate::client) fn leave(&self) {
        let mut woken = WakeList::new();
        let mut state = self.lock();
        state.fail_sent(DisconnectReason::Stopped, &mut woken);
        let is_closing = state.is_closing;
        let mut freed = 0;
        if is_closing {
            let stopped = CallError::ConnectionClosed(DisconnectReason::Stopped);
            freed = state.fail_waiting(&stopped, &mut woken);
        } else {
            let ChannelState { calls, queue, .. } = &mut *state;
            calls.wake_waiting(queue.keys(), &mut woken);
        }
        state.driver_running = false;
        let _not_while_locked = state.driver_waker.take();
        drop(state);
        self.queue_permits.add_permits(freed);
        if is_closing {
            self.queue_permits.close();
        }
        self.ended.notify_waiters();
        wake(woken.drain(..));
    }
}

impl ChannelState {
    /// Ends the calls that wait for a connection with `error`. Returns the number of permits to
    /// release.
    pub(in crate::client) fn fail_waiting(&mut self, error: &CallError, woken: &mut WakeList) -> usize {
        let freed = self.queued();
        self.calls.end_awaiting_connection(&Err(error.clone()), woken);
        for key in std::mem::take(&mut self.queue).keys() {
            if self.calls.is_queued(key) {
                self.calls.end(key, Err(error.clone()), woken);
            }
        }
        freed
    }

    /// Ends the calls that were written to a lost connection.
    pub(in crate::client) fn fail_sent(&mut self, reason: DisconnectReason, woken: &mut WakeList) {
        self.calls.end_written(&Err(CallError::ConnectionClosed(reason)), woken);
    }
}
