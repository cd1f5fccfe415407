//! Delays and failures on demand, to test callers.

pub(crate) mod cut;

use std::{
    str::FromStr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use clap::Args;

use crate::{duration, share};

/// The faults that calls are to have.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Faults, to test callers")]
pub(crate) struct FaultOptions {
    /// Delay each call: 20ms, or between two times: 20ms..200ms
    #[arg(long, value_name = "TIME[..TIME]")]
    delay: Option<Delay>,
    /// Fail this share of calls: 0.1, or 10%:close; error (the default), close (the connection) or hang
    #[arg(long, value_name = "SHARE[:HOW]")]
    fail: Option<Fail>,
    /// Choose the same calls in each run
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
}

/// A time, or the range of one that is chosen at random.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Delay {
    least: Duration,
    most: Duration,
}

/// A share of calls that fail, and how.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Fail {
    share: f64,
    how: Failing,
}

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failing {
    /// Its caller receives an error.
    Error,
    /// Its caller's connection is closed.
    Close,
    /// Nothing comes.
    Hang,
}

/// The fate of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) delay: Option<Duration>,
    pub(crate) failing: Option<Failing>,
}

/// Chooses the fate of each call.
#[derive(Debug)]
pub(crate) struct Faults {
    options: FaultOptions,
    random: Mutex<fastrand::Rng>,
}

impl Faults {
    pub(crate) fn new(options: FaultOptions) -> Self {
        let random = options.seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        Self {
            options,
            random: Mutex::new(random),
        }
    }

    /// Returns the fate of the next call.
    pub(crate) fn next(&self) -> Fault {
        let FaultOptions { delay, fail, .. } = &self.options;
        if delay.is_none() && fail.is_none() {
            return Fault {
                delay: None,
                failing: None,
            };
        }
        // Both are drawn for every call, so that a seed gives the same calls whatever the options.
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        let (of_delay, of_failure) = (random.f64(), random.f64());
        Fault {
            delay: delay.map(|delay| delay.least + (delay.most - delay.least).mul_f64(of_delay)),
            failing: fail.and_then(|fail| (of_failure < fail.share).then_some(fail.how)),
        }
    }
}

impl Faults {
    /// Returns how the next call fails by another share than that of the options, if it does.
    pub(crate) fn by(&self, fail: Fail) -> Option<Failing> {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        (random.f64() < fail.share).then_some(fail.how)
    }
}

impl Fail {
    /// Returns the share, from 0 to 1, or `None` if the number is no share.
    pub(crate) fn new(share: f64, how: Failing) -> Option<Self> {
        (0.0..=1.0).contains(&share).then_some(Self { share, how })
    }
}

impl FromStr for Failing {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "error" => Ok(Self::Error),
            "close" => Ok(Self::Close),
            "hang" => Ok(Self::Hang),
            _ => Err("a call fails by error, close or hang"),
        }
    }
}

impl FromStr for Delay {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (least, most) = text.split_once("..").unwrap_or((text, text));
        let (least, most) = (duration::parse(least)?, duration::parse(most)?);
        match least <= most {
            true => Ok(Self { least, most }),
            false => Err("the shorter time comes first"),
        }
    }
}

impl FromStr for Fail {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WANTED: &str = "write a share, 0.1 or 10%, and perhaps how: 0.1:error, 0.1:close, 0.1:hang";
        let (share, how) = text.split_once(':').unwrap_or((text, "error"));
        let how = how.parse().map_err(|_| WANTED)?;
        Ok(Self {
            share: share::parse(share)?,
            how,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_delays_are_read() {
        let fail = |text: &str| text.parse::<Fail>().map(|fail| (fail.share, fail.how));
        assert_eq!(fail("0.1"), Ok((0.1, Failing::Error)));
        assert_eq!(fail("10%:close"), Ok((0.1, Failing::Close)));
        assert_eq!(fail("1:hang"), Ok((1.0, Failing::Hang)));
        for wrong in ["", "x", "2", "-1", "0.1:late", "101%", "NaN"] {
            assert!(fail(wrong).is_err(), "{wrong}");
        }
        let delay = |text: &str| text.parse::<Delay>().map(|delay| (delay.least, delay.most));
        let ms = Duration::from_millis;
        assert_eq!(delay("20ms"), Ok((ms(20), ms(20))));
        assert_eq!(delay("20ms..0.2"), Ok((ms(20), ms(200))));
        for wrong in ["", "..", "2..1", "soon"] {
            assert!(delay(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_seed_gives_the_same_calls_and_the_share_is_kept() {
        let options = FaultOptions {
            delay: Some("10ms..20ms".parse().expect("a delay")),
            fail: Some("25%".parse().expect("a share")),
            seed: Some(7),
        };
        let draw = || {
            let faults = Faults::new(options.clone());
            (0..1_000).map(|_| faults.next()).collect::<Vec<_>>()
        };
        let drawn = draw();
        assert_eq!(drawn, draw());
        let failing = drawn.iter().filter(|fault| fault.failing.is_some()).count();
        assert!((200..300).contains(&failing), "{failing}");
        let range = Duration::from_millis(10)..=Duration::from_millis(20);
        assert!(
            drawn
                .iter()
                .all(|fault| fault.delay.is_some_and(|delay| range.contains(&delay)))
        );
    }

    #[test]
    fn without_options_nothing_happens() {
        let fault = Faults::new(FaultOptions::default()).next();
        assert_eq!((fault.delay, fault.failing), (None, None));
    }
}
