//! The caller's side of one pending call: what the caller waits for, and what has arrived for it.
//! Plain data.

use std::task::Waker;

use tokio::time::Instant;

use crate::{
    client::{CallError, DisconnectReason, channel::values::ReceivedValues, error::Answer},
    packet::{RawJson, ReplyOutcome, RpcError},
};

#[derive(Debug)]
pub(in crate::client) struct Waiter {
    pub(in crate::client) wants: ReplyMode,
    /// Waker of the caller's task; `None` while no task polls the call.
    pub(in crate::client) waker: Option<Waker>,
}

/// What a caller waits for:
///
/// ```text
///            a value                the end
///   Last ─── is kept, so far ───┬─► Ended ────────► taken
///   First ── is the end ────────┤
///   Done ───────────────────────┘
///   Each ─── is queued ───────────► is queued ────► taken
/// ```
///
/// Kept small, because it is moved into the list of calls and out of it.
#[derive(Debug)]
pub(in crate::client) enum ReplyMode {
    /// The last value only.
    Last { so_far: Option<RawJson> },
    /// The first value only, which ends the call.
    First,
    /// Each value.
    Each(Box<ReceivedValues>),
    /// Completion only: an event is sent, or a connection is established.
    Done,
    /// Nothing more: the call has ended, and its caller has not taken the end yet.
    Ended(Answer),
    /// Nothing from this connection: the packet was not written, and the caller submits it to
    /// another connection.
    Returned(Vec<u8>),
    /// Nothing: the caller is gone, and the call continues without it.
    Nothing,
}

/// What a caller receives at the end of its call.
#[derive(Debug)]
pub(in crate::client) enum End {
    /// The value of the reply, or JavaScript's undefined.
    Value(Option<RawJson>),
    /// The packet, which was not written: its connection is lost, and there is another connection.
    Returned(Returned),
}

/// A packet that was not written and is handed back to its caller.
#[derive(Debug)]
pub(in crate::client) struct Returned {
    pub(in crate::client) packet: Vec<u8>,
    /// For a stream, the time from which its timeout counts.
    pub(in crate::client) since: Option<Instant>,
}

/// The `err`, in exactly this form, of a service that is stopping and has done nothing for the
/// call.
const STOPPING: &str = r#"{"status":"error","message":"the service is stopping"}"#;

/// Returns true if `err` says that the service is stopping and accepts no more calls.
pub(in crate::client) fn is_refusal(err: &RawJson) -> bool {
    err.as_str() == STOPPING
}

/// Reads the time at most once, and only when it is needed.
#[derive(Debug, Default)]
pub(in crate::client) struct Clock(Option<Instant>);

impl Clock {
    pub(in crate::client) fn now(&mut self) -> Instant {
        *self.0.get_or_insert_with(Instant::now)
    }
}

impl Waiter {
    pub(in crate::client) const fn new(wants: ReplyMode, waker: Option<Waker>) -> Self {
        Self { wants, waker }
    }

    /// Stores a value that more values may follow. Returns the caller's waker if the caller waits
    /// for each value.
    pub(in crate::client) fn value(&mut self, value: Option<RawJson>, clock: &mut Clock) -> Option<Waker> {
        match &mut self.wants {
            // Like `lastValueFrom`, which counts an undefined value as a value.
            ReplyMode::Last { so_far } => {
                *so_far = value;
                None
            }
            ReplyMode::Each(values) => {
                values.push(value, clock.now());
                self.waker.take()
            }
            ReplyMode::First | ReplyMode::Done | ReplyMode::Ended(_) | ReplyMode::Returned(_) | ReplyMode::Nothing => {
                None
            }
        }
    }

    /// Stores the end of the call. Returns the caller's waker.
    pub(in crate::client) fn end(&mut self, end: Answer) -> Option<Waker> {
        match &mut self.wants {
            ReplyMode::Each(values) => values.end(end),
            wants => *wants = ReplyMode::Ended(end),
        }
        self.waker.take()
    }

    /// Hands the unwritten packet back to the caller. Returns the caller's waker.
    pub(in crate::client) fn hand_back(&mut self, packet: Vec<u8>) -> Option<Waker> {
        match &mut self.wants {
            ReplyMode::Each(values) => values.returned = Some(packet),
            wants => *wants = ReplyMode::Returned(packet),
        }
        self.waker.take()
    }

    /// Takes the packet that was [handed back](Self::hand_back). Returns `None` if there is none.
    pub(in crate::client) fn take_returned(&mut self) -> Option<Vec<u8>> {
        match &mut self.wants {
            ReplyMode::Returned(packet) => Some(std::mem::take(packet)),
            ReplyMode::Each(values) => values.returned.take(),
            _ => None,
        }
    }

    /// Stores the end that the service sent, like [`end`](Self::end). Returns the caller's waker.
    pub(in crate::client) fn outcome(&mut self, outcome: ReplyOutcome) -> Option<Waker> {
        let end = match outcome {
            ReplyOutcome::Failed(err) => Err(self.failure(err)),
            ReplyOutcome::Value(value) | ReplyOutcome::Completed(value) => Ok(match &mut self.wants {
                ReplyMode::Last { so_far } => value.or_else(|| so_far.take()),
                ReplyMode::First => value,
                ReplyMode::Each(values) => {
                    values.push_last(value);
                    None
                }
                ReplyMode::Done | ReplyMode::Ended(_) | ReplyMode::Returned(_) | ReplyMode::Nothing => None,
            }),
        };
        self.end(end)
    }

    /// Returns the error that `err` means for this call. A stopping service refuses a call before
    /// it does anything for it, so the same `err` after a value is no refusal but the end of the
    /// connection.
    fn failure(&self, err: RawJson) -> CallError {
        let has_value = match &self.wants {
            ReplyMode::Last { so_far } => so_far.is_some(),
            ReplyMode::Each(values) => values.have_come(),
            ReplyMode::First | ReplyMode::Done | ReplyMode::Ended(_) | ReplyMode::Returned(_) | ReplyMode::Nothing => {
                false
            }
        };
        match (is_refusal(&err), has_value) {
            (false, _) => CallError::Rpc(RpcError::from_raw(err)),
            (true, false) => CallError::Stopping,
            (true, true) => CallError::ConnectionClosed(DisconnectReason::Stopping),
        }
    }

    /// Registers the waker of the caller. Returns the previous waker if it was replaced.
    pub(in crate::client) fn watch(&mut self, waker: &Waker) -> Option<Waker> {
        match &self.waker {
            Some(known) if known.will_wake(waker) => None,
            _ => self.waker.replace(waker.clone()),
        }
    }
}
