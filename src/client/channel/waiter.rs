//! One pending call: what it waits for, and what has arrived for it. Plain data.

use std::task::Waker;

use crate::{
    client::{
        CallError, DisconnectReason,
        channel::{
            answer::Answer,
            values::{Clock, ReceivedValues},
        },
    },
    packet::{RawJson, ReplyOutcome, RpcError},
};

#[derive(Debug)]
pub(in crate::client) struct Waiter {
    pub(in crate::client) wants: ReplyMode,
    /// Who waits; `None` while nobody looks.
    pub(in crate::client) waker: Option<Waker>,
}

/// ```text
///            a value                the end
///   Last ─── is kept, so far ───┬─► Ended ────────► taken
///   First ── is the end ────────┤
///   Done ───────────────────────┘
///   Each ─── is queued ───────────► is queued ────► taken
/// ```
///
/// It is small, for it is moved: in, and out.
#[derive(Debug)]
pub(in crate::client) enum ReplyMode {
    /// The last value only.
    Last { so_far: Option<RawJson> },
    /// The first value only, which ends the call.
    First,
    /// Each value.
    Each(Box<ReceivedValues>),
    /// To know that it is done: an event is out, a connection is there.
    Done,
    /// To know how it ended.
    Ended(Answer),
    /// To put its packet, which was not written, down elsewhere.
    Returned(Vec<u8>),
    /// Nothing any more: the caller has gone. What goes on without it stays.
    Nothing,
}

/// The `err` of a service that stops and has done nothing for the call, exactly so.
const STOPPING: &str = r#"{"status":"error","message":"the service is stopping"}"#;

/// Returns true if a service says with this that it stops and takes no more calls.
pub(in crate::client) fn is_refusal(err: &RawJson) -> bool {
    err.as_str() == STOPPING
}

impl Waiter {
    pub(in crate::client) const fn new(wants: ReplyMode, waker: Option<Waker>) -> Self {
        Self { wants, waker }
    }

    /// Takes a value after which more may come. Returns the waker of its caller, if that waits for
    /// it.
    pub(in crate::client) fn value(&mut self, value: Option<RawJson>, clock: &mut Clock) -> Option<Waker> {
        match &mut self.wants {
            // As `lastValueFrom`, for which an undefined value is a value too.
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

    /// Takes note of the end. Returns the waker of its caller.
    pub(in crate::client) fn end(&mut self, end: Answer) -> Option<Waker> {
        match &mut self.wants {
            ReplyMode::Each(values) => values.end(end),
            wants => *wants = ReplyMode::Ended(end),
        }
        self.waker.take()
    }

    /// Gives the packet back, which was not written. Returns the waker of its caller.
    pub(in crate::client) fn hand_back(&mut self, packet: Vec<u8>) -> Option<Waker> {
        match &mut self.wants {
            ReplyMode::Each(values) => values.returned = Some(packet),
            wants => *wants = ReplyMode::Returned(packet),
        }
        self.waker.take()
    }

    /// Returns the packet if it has been [given back](Self::hand_back).
    pub(in crate::client) fn take_returned(&mut self) -> Option<Vec<u8>> {
        match &mut self.wants {
            ReplyMode::Returned(packet) => Some(std::mem::take(packet)),
            ReplyMode::Each(values) => values.returned.take(),
            _ => None,
        }
    }

    /// As [`end`](Self::end), with the end that the service sent.
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

    /// Returns what `err` means to this call. A service that stops refuses a call before it does
    /// anything for it: after a value that is no refusal.
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

    /// Makes this the waker of the caller. Returns the one that was before.
    pub(in crate::client) fn watch(&mut self, waker: &Waker) -> Option<Waker> {
        match &self.waker {
            Some(known) if known.will_wake(waker) => None,
            _ => self.waker.replace(waker.clone()),
        }
    }
}
