//! One caller who waits, for what, and what there is for it to take. Plain data.

use std::task::Waker;

use crate::{
    client::{
        CallError, Disconnected,
        channel::values::{Clock, Values},
    },
    packet::{Outcome, RawJson, RpcError},
};

/// What a waiting caller is told: a value, JavaScript's undefined (`None`), or the end.
pub(in crate::client) type Answer = Result<Option<RawJson>, CallError>;

#[derive(Debug)]
pub(in crate::client) struct Waiter {
    pub(in crate::client) wants: Wants,
    /// Who waits; `None` while nobody looks.
    pub(in crate::client) waker: Option<Waker>,
}

/// ```text
///            a value                the end
///   Last ─── is kept, so far ───┬─► Told ─────────► taken
///   First ── is the end ────────┤
///   Done ───────────────────────┘
///   Each ─── is queued ───────────► is queued ────► taken
/// ```
///
/// It is small, for it is moved: in, and out.
#[derive(Debug)]
pub(in crate::client) enum Wants {
    /// The last value only.
    Last { so_far: Option<RawJson> },
    /// The first value only, which ends the call.
    First,
    /// Each value.
    Each(Box<Values>),
    /// To know that it is done: an event is out, a link is there.
    Done,
    /// To know how it ended.
    Told(Answer),
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
    pub(in crate::client) const fn new(wants: Wants, waker: Option<Waker>) -> Self {
        Self { wants, waker }
    }

    /// Takes a value after which more may come. Returns the waker of its caller, if that waits for it.
    pub(in crate::client) fn value(&mut self, value: Option<RawJson>, clock: &mut Clock) -> Option<Waker> {
        match &mut self.wants {
            // As `lastValueFrom`, for which an undefined value is a value too.
            Wants::Last { so_far } => {
                *so_far = value;
                None
            }
            Wants::Each(values) => {
                values.push(value, clock.now());
                self.waker.take()
            }
            Wants::First | Wants::Done | Wants::Told(_) | Wants::Returned(_) | Wants::Nothing => None,
        }
    }

    /// Takes note of the end. Returns the waker of its caller.
    pub(in crate::client) fn end(&mut self, end: Answer) -> Option<Waker> {
        match &mut self.wants {
            Wants::Each(values) => values.end(end),
            wants => *wants = Wants::Told(end),
        }
        self.waker.take()
    }

    /// Gives the packet back, which was not written. Returns the waker of its caller.
    pub(in crate::client) fn hand_back(&mut self, packet: Vec<u8>) -> Option<Waker> {
        match &mut self.wants {
            Wants::Each(values) => values.returned = Some(packet),
            wants => *wants = Wants::Returned(packet),
        }
        self.waker.take()
    }

    /// Returns the packet if it has been [given back](Self::hand_back).
    pub(in crate::client) fn take_returned(&mut self) -> Option<Vec<u8>> {
        match &mut self.wants {
            Wants::Returned(packet) => Some(std::mem::take(packet)),
            Wants::Each(values) => values.returned.take(),
            _ => None,
        }
    }

    /// As [`end`](Self::end), as the service told it.
    pub(in crate::client) fn outcome(&mut self, outcome: Outcome) -> Option<Waker> {
        let end = match outcome {
            Outcome::Failed(err) => Err(self.failure(err)),
            Outcome::Value(value) | Outcome::Completed(value) => Ok(match &mut self.wants {
                Wants::Last { so_far } => value.or_else(|| so_far.take()),
                Wants::First => value,
                Wants::Each(values) => {
                    values.push_last(value);
                    None
                }
                Wants::Done | Wants::Told(_) | Wants::Returned(_) | Wants::Nothing => None,
            }),
        };
        self.end(end)
    }

    /// What `err` means to this call. A service that stops refuses a call before it does anything for it: after a value
    /// that is no refusal.
    fn failure(&self, err: RawJson) -> CallError {
        let has_value = match &self.wants {
            Wants::Last { so_far } => so_far.is_some(),
            Wants::Each(values) => values.have_come(),
            Wants::First | Wants::Done | Wants::Told(_) | Wants::Returned(_) | Wants::Nothing => false,
        };
        match (is_refusal(&err), has_value) {
            (false, _) => CallError::Rpc(RpcError::from_raw(err)),
            (true, false) => CallError::Stopping,
            (true, true) => CallError::ConnectionClosed(Disconnected::Stopping),
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
