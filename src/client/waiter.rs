//! One caller who waits, for what, and what there is for it to take. Plain data.

use std::{collections::VecDeque, task::Waker};

use tokio::time::Instant;

use super::{CallError, limit::Limit};
use crate::packet::{Outcome, RawJson, RpcError};

/// What a waiting caller is told: a value, JavaScript's undefined (`None`), or the end.
pub(super) type Answer = Result<Option<RawJson>, CallError>;

#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) wants: Wants,
    pub(super) limit: Limit,
    /// Who waits; `None` while nobody looks.
    pub(super) waker: Option<Waker>,
}

/// ```text
///            a value                the end
///   Last ─── is kept, so far ───┬─► Told ─────────► taken
///   Done ───────────────────────┘
///   Each ─── is queued ───────────► is queued ────► taken
/// ```
///
/// It is small, for it is moved: in, and out.
#[derive(Debug)]
pub(super) enum Wants {
    /// The last value only.
    Last { so_far: Option<RawJson> },
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

/// The values of a stream that have not been taken.
#[derive(Debug, Default)]
pub(super) struct Values {
    queued: VecDeque<Option<RawJson>>,
    end: Option<Answer>,
    /// The packet, if it was not written and is to be put down elsewhere.
    returned: Option<Vec<u8>>,
}

impl Waiter {
    pub(super) const fn new(wants: Wants, limit: Limit, waker: Option<Waker>) -> Self {
        Self { wants, limit, waker }
    }

    /// Takes a value after which more may come; whom to wake. A stream's patience begins anew.
    pub(super) fn value(&mut self, value: Option<RawJson>, now: Instant) -> Option<Waker> {
        match &mut self.wants {
            // As `lastValueFrom`, for which an undefined value is a value too.
            Wants::Last { so_far } => {
                *so_far = value;
                None
            }
            Wants::Each(values) => {
                values.queued.push_back(value);
                self.limit.renew(now);
                self.waker.take()
            }
            Wants::Done | Wants::Told(_) | Wants::Returned(_) | Wants::Nothing => None,
        }
    }

    /// Takes note of the end; whom to wake.
    pub(super) fn end(&mut self, end: Answer) -> Option<Waker> {
        match &mut self.wants {
            Wants::Each(values) => values.end = Some(end),
            wants => *wants = Wants::Told(end),
        }
        self.waker.take()
    }

    /// Gives the packet back, which was not written. Returns the waker of its caller.
    pub(super) fn hand_back(&mut self, packet: Vec<u8>) -> Option<Waker> {
        match &mut self.wants {
            Wants::Each(values) => values.returned = Some(packet),
            wants => *wants = Wants::Returned(packet),
        }
        self.waker.take()
    }

    /// Returns the packet if it has been [given back](Self::hand_back).
    pub(super) fn take_returned(&mut self) -> Option<Vec<u8>> {
        match &mut self.wants {
            Wants::Returned(packet) => Some(std::mem::take(packet)),
            Wants::Each(values) => values.returned.take(),
            _ => None,
        }
    }

    /// As [`end`](Self::end), as the service told it.
    pub(super) fn outcome(&mut self, outcome: Outcome) -> Option<Waker> {
        let end = match outcome {
            Outcome::Failed(err) => Err(CallError::Rpc(RpcError::from_raw(err))),
            Outcome::Value(value) | Outcome::Completed(value) => Ok(match &mut self.wants {
                Wants::Last { so_far } => value.or_else(|| so_far.take()),
                Wants::Each(values) => {
                    values.queued.extend(value.map(Some));
                    None
                }
                Wants::Done | Wants::Told(_) | Wants::Returned(_) | Wants::Nothing => None,
            }),
        };
        self.end(end)
    }

    /// This one is to be woken; the one that was before.
    pub(super) fn watch(&mut self, waker: &Waker) -> Option<Waker> {
        match &self.waker {
            Some(known) if known.will_wake(waker) => None,
            _ => self.waker.replace(waker.clone()),
        }
    }
}

impl Values {
    /// The next one: inside, `None` is the end.
    pub(super) fn next(&mut self) -> Option<Option<Answer>> {
        if let Some(value) = self.queued.pop_front() {
            return Some(Some(Ok(value)));
        }
        match self.end.take()? {
            Ok(_) => Some(None),
            Err(error) => Some(Some(Err(error))),
        }
    }
}
