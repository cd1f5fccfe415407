//! The promises that must hold for every call, whatever the faults.

use std::{
    collections::{HashMap, HashSet},
    fmt,
};

use crate::{
    Journal,
    caller::{Outcome, Record},
};

/// A promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Promise {
    /// A call ends with its own reply, or with an error that says what happened.
    OwnAnswer,
    /// A call ends once.
    EndsOnce,
    /// No call hangs beyond its timeout.
    NothingHangs,
    /// A call that was answered was handled exactly once.
    AnsweredIsHandled,
    /// No call and no event is handled twice.
    AtMostOnce,
    /// The service has not seen a call that an error calls unsent.
    UnsentIsUnseen,
    /// An event that was sent is handled exactly once when both sides close in order.
    EventsArrive,
    /// The client works again after the faults have ended, without help.
    Heals,
    /// A service ends after SIGTERM.
    Stops,
}

/// A broken promise.
#[derive(Debug, Clone)]
pub struct Broken {
    /// The promise.
    pub promise: Promise,
    /// The call's number, if the promise is about a call.
    pub number: Option<u64>,
    /// A description of what happened.
    pub what: String,
    /// The journal's lines about that number.
    pub journal: Vec<String>,
}

/// Checks all calls of a round. `due` are the events that must have been handled if they were sent.
pub(super) fn check(records: &[Record], due: &HashSet<u64>, ended_twice: &[u64], journal: &Journal) -> Vec<Broken> {
    let twice = ended_twice.iter().map(|number| Broken {
        promise: Promise::EndsOnce,
        number: Some(*number),
        what: "it ended more than once".to_owned(),
        journal: journal.lines(*number).to_vec(),
    });
    let broken = records.iter().flat_map(|record| {
        let times = journal.times(record.ask.number);
        let is_due = due.contains(&record.ask.number);
        broken_promises(&record.outcome, times, is_due)
            .into_iter()
            .map(move |promise| Broken {
                promise,
                number: Some(record.ask.number),
                what: describe(record, times),
                journal: journal.lines(record.ask.number).to_vec(),
            })
    });
    broken.chain(twice).collect()
}

fn broken_promises(outcome: &Outcome, times: usize, is_due: bool) -> Vec<Promise> {
    let mut broken = Vec::new();
    match outcome {
        Outcome::Wrong(_) => broken.push(Promise::OwnAnswer),
        Outcome::Hung => broken.push(Promise::NothingHangs),
        Outcome::Failed { reason, .. } if reason.is_empty() => broken.push(Promise::OwnAnswer),
        Outcome::Failed { is_unsent: true, .. } if times > 0 => broken.push(Promise::UnsentIsUnseen),
        Outcome::Answered if times == 0 => broken.push(Promise::AnsweredIsHandled),
        Outcome::Sent if is_due && times == 0 => broken.push(Promise::EventsArrive),
        Outcome::Answered | Outcome::Sent | Outcome::Dropped | Outcome::Failed { .. } => {}
    }
    if times > 1 {
        broken.push(Promise::AtMostOnce);
    }
    broken
}

fn describe(record: &Record, times: usize) -> String {
    let took = record.ended - record.begun;
    let (kind, timeout) = (record.ask.kind, record.ask.timeout);
    format!(
        "{kind:?} with a timeout of {timeout:?} took {took:?}, handled {times} times: {:?}",
        record.outcome
    )
}

/// Maximum number of broken promises of one kind in a report.
const SHOWN: usize = 2;

/// Describes the broken promises, some of each kind.
#[must_use]
pub fn report(broken: &[Broken]) -> String {
    let mut counts: HashMap<Promise, usize> = HashMap::new();
    let mut text = String::new();
    for one in broken {
        let count = counts.entry(one.promise).or_default();
        *count += 1;
        if *count <= SHOWN {
            text.push_str(&format!("  {one}"));
        }
    }
    for (promise, count) in counts {
        text.push_str(&format!("  {promise:?}: {count} in all\n"));
    }
    text
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is broken", self.promise)?;
        if let Some(number) = self.number {
            write!(f, " by call {number}")?;
        }
        writeln!(f, ": {}", self.what)?;
        self.journal
            .iter()
            .try_for_each(|line| writeln!(f, "    journal: {line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_promise_can_be_broken() {
        let failed = |is_unsent| Outcome::Failed {
            reason: "cut".to_owned(),
            is_unsent,
        };
        let wrong = Outcome::Wrong("another's".to_owned());
        for (outcome, times, is_due, promise) in [
            (wrong, 1, false, Promise::OwnAnswer),
            (Outcome::Hung, 0, false, Promise::NothingHangs),
            (Outcome::Answered, 0, false, Promise::AnsweredIsHandled),
            (Outcome::Answered, 2, false, Promise::AtMostOnce),
            (Outcome::Sent, 2, false, Promise::AtMostOnce),
            (Outcome::Sent, 0, true, Promise::EventsArrive),
            (failed(true), 1, false, Promise::UnsentIsUnseen),
        ] {
            assert_eq!(broken_promises(&outcome, times, is_due), [promise], "{outcome:?}");
        }
        for (outcome, times, is_due) in [
            (Outcome::Answered, 1, false),
            (Outcome::Sent, 1, true),
            (Outcome::Sent, 0, false),
            (failed(true), 0, false),
            (failed(false), 1, false),
            (Outcome::Dropped, 0, false),
        ] {
            assert_eq!(broken_promises(&outcome, times, is_due), [], "{outcome:?}");
        }
    }
}
