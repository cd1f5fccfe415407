//! One call: its question and its only right reply.

use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};

use crate::numbers::answer;

/// A call to make.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The call's number, which is unique.
    pub number: u64,
    /// The kind of the call.
    pub kind: Kind,
    /// The call's timeout; for a stream, the timeout of each value.
    pub timeout: Duration,
    /// Text that the reply returns.
    pub pad: String,
    /// Time after which the caller drops the call, if it drops it.
    pub dropped_after: Option<Duration>,
}

/// A kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A reply at once.
    Quick,
    /// A reply after this number of milliseconds.
    Slow(u64),
    /// A stream.
    Values {
        /// The number of values.
        count: u64,
        /// The pause before each value in milliseconds.
        ms: u64,
        /// The number of values after which the caller drops the stream.
        taken: u64,
    },
    /// An error.
    Fail,
    /// An event, which has no reply.
    Note,
}

/// The end of a received reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The reply completed in order.
    Complete,
    /// The caller dropped it.
    Dropped,
    /// The service replied with an error with this message.
    Refused(String),
    /// The call failed on the way.
    Failed(String),
}

impl Ask {
    /// Draws a call of a random kind.
    pub fn draw(number: u64, random: &mut Rng) -> Self {
        let kind = match random.u8(..20) {
            0..8 => Kind::Quick,
            8..10 => Kind::Slow(random.u64(1..60)),
            10..13 => drawn_values(random),
            13..14 => Kind::Fail,
            _ => Kind::Note,
        };
        let dropped_after = (random.u8(..12) == 0).then(|| Duration::from_micros(random.u64(..20_000)));
        Self {
            number,
            kind,
            timeout: Duration::from_millis(random.u64(50..1500)),
            pad: drawn_pad(random),
            dropped_after,
        }
    }

    /// Returns a quick call with this timeout.
    #[must_use]
    pub const fn quick(number: u64, timeout: Duration) -> Self {
        Self::plain(number, Kind::Quick, timeout)
    }

    /// Returns an event.
    #[must_use]
    pub const fn note(number: u64, timeout: Duration) -> Self {
        Self::plain(number, Kind::Note, timeout)
    }

    /// Returns a call without a pad that is not dropped.
    #[must_use]
    pub const fn plain(number: u64, kind: Kind, timeout: Duration) -> Self {
        Self {
            number,
            kind,
            timeout,
            pad: String::new(),
            dropped_after: None,
        }
    }

    /// Returns the pattern of the handler.
    #[must_use]
    pub const fn pattern(&self) -> &'static str {
        match self.kind {
            Kind::Quick => "ask",
            Kind::Slow(_) => "slow",
            Kind::Values { .. } => "values",
            Kind::Fail => "fail",
            Kind::Note => "note",
        }
    }

    /// Returns the payload of the call.
    #[must_use]
    pub fn data(&self) -> Value {
        let (ms, count) = match self.kind {
            Kind::Slow(ms) => (ms, 0),
            Kind::Values { count, ms, .. } => (ms, count),
            Kind::Quick | Kind::Fail | Kind::Note => (0, 0),
        };
        json!({ "n": self.number, "pad": self.pad, "ms": ms, "count": count })
    }

    /// Returns whether the call is an event.
    #[must_use]
    pub fn is_event(&self) -> bool {
        self.kind == Kind::Note
    }

    /// Returns the number of values after which the caller drops the call, if it drops it.
    #[must_use]
    pub const fn taken(&self) -> Option<u64> {
        match self.kind {
            Kind::Values { count, taken, .. } if taken < count => Some(taken),
            _ => None,
        }
    }

    /// Compares the received values with the only right reply. Returns whether the reply is
    /// complete.
    ///
    /// # Errors
    /// Describes the difference.
    pub fn check(&self, values: &[Value], end: &End) -> Result<bool, String> {
        let expected: Vec<Value> = match self.kind {
            Kind::Quick | Kind::Slow(_) => {
                vec![json!({ "n": self.number, "answer": answer(self.number), "pad": self.pad })]
            }
            Kind::Values { count, taken, .. } => (0..count.min(taken))
                .map(|i| json!({ "n": self.number, "i": i }))
                .collect(),
            Kind::Fail | Kind::Note => Vec::new(),
        };
        if !expected.starts_with(values) {
            return Err(format!("it got {}", excerpt(&format!("{values:?}"))));
        }
        match (self.kind, end) {
            (Kind::Fail, End::Refused(message)) if *message == format!("failed {}", self.number) => Ok(true),
            (Kind::Fail, End::Complete) => Err("the error that it asked for did not come".to_owned()),
            (_, End::Refused(message)) if !is_overload(message) => Err(format!("it was refused: {message}")),
            (_, End::Complete) if values.len() < expected.len() => {
                let (came, wanted) = (values.len(), expected.len());
                Err(format!("it ended in order after {came} of {wanted} values"))
            }
            (_, end) => Ok(*end == End::Complete),
        }
    }
}

/// Returns whether an error means that the service accepts no more calls, for now or for ever.
fn is_overload(message: &str) -> bool {
    ["stopping", "too many", "shutting down"]
        .iter()
        .any(|word| message.contains(word))
}

fn drawn_values(random: &mut Rng) -> Kind {
    let (count, ms) = match random.bool() {
        true => (random.u64(1..300), 0),
        false => (random.u64(1..12), random.u64(1..8)),
    };
    Kind::Values {
        count,
        ms,
        taken: random.u64(1..=2 * count),
    }
}

/// Draws a pad: usually short, sometimes up to 100,000 characters, of one to four bytes each.
fn drawn_pad(random: &mut Rng) -> String {
    let character = *random.choice(&['x', '求', '🦀']).unwrap_or(&'x');
    let most = match random.u8(..20) {
        0 => 100_000,
        1..4 => 5_000,
        _ => 50,
    };
    String::from(character).repeat(random.usize(..most))
}

fn excerpt(text: &str) -> String {
    text.chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(1);

    #[test]
    fn anothers_answer_is_wrong() {
        let ask = Ask::quick(7, LONG);
        let anothers = json!({ "n": 8, "answer": answer(8), "pad": "" });
        assert!(ask.check(&[anothers], &End::Complete).is_err());
        let own = json!({ "n": 7, "answer": answer(7), "pad": "" });
        assert_eq!(ask.check(&[own], &End::Complete), Ok(true));
    }

    #[test]
    fn a_stream_that_ends_in_order_is_whole() {
        let kind = Kind::Values {
            count: 3,
            ms: 0,
            taken: 9,
        };
        let ask = Ask::plain(1, kind, LONG);
        let items: Vec<_> = (0..3).map(|i| json!({ "n": 1, "i": i })).collect();
        assert_eq!(ask.check(&items, &End::Complete), Ok(true));
        assert!(ask.check(&items[..2], &End::Complete).is_err());
        assert_eq!(ask.check(&items[..2], &End::Failed("cut".to_owned())), Ok(false));
        assert!(ask.check(&items[1..], &End::Failed("cut".to_owned())).is_err());
    }
}
