//! Faults on the way between caller and service, and in the order in which they close.

use std::time::Duration;

use futures_util::FutureExt;
use nest_wire_harness::HarnessError;
use tokio::time::sleep;

use super::{Broken, Nest, Round, Scenario, Setting, Start};
use crate::proxy::{Fault, Weather};

/// Duration of the faults.
const BAD_WEATHER: Duration = Duration::from_millis(1500);

pub(super) const CUTS: Scenario = Scenario {
    name: "cuts",
    what: "connections are closed, reset, half-closed, delayed and paused at random bytes",
    nest: Nest::EitherSide,
    run: |setting| {
        let pause = Fault::Pauses(Duration::from_millis(100));
        let delay = Fault::Delays(Duration::from_millis(5));
        let faults = vec![Fault::Cuts, Fault::Resets, Fault::HalfCloses, delay, pause];
        under(setting, Weather::of(faults, 20_000)).boxed()
    },
};

pub(super) const SILENCE: Scenario = Scenario {
    name: "silence",
    what: "connections go silent without an end: half-open",
    nest: Nest::EitherSide,
    run: |setting| {
        let pause = Fault::Pauses(Duration::from_millis(800));
        under(setting, Weather::of(vec![Fault::HalfOpen, pause], 10_000)).boxed()
    },
};

pub(super) const REFUSALS: Scenario = Scenario {
    name: "refusals",
    what: "connections are refused, or reset within their first packets",
    nest: Nest::EitherSide,
    run: |setting| under(setting, Weather::of(vec![Fault::Refuses, Fault::Resets], 300)).boxed(),
};

pub(super) const SLOWNESS: Scenario = Scenario {
    name: "slowness",
    what: "one side reads a few bytes at a time, or everything comes late",
    nest: Nest::EitherSide,
    run: |setting| {
        let faults = vec![Fault::SlowReading, Fault::Delays(Duration::from_millis(20))];
        under(setting, Weather::of(faults, 0)).boxed()
    },
};

pub(super) const CLOSING: Scenario = Scenario {
    name: "closing",
    what: "the caller closes while answers of given-up calls are on their way",
    nest: Nest::EitherSide,
    run: |setting| {
        async move {
            let mut round = Round::start(setting, Start::default()).await?;
            round.send_due_events(300).await;
            Ok(round.end().await)
        }
        .boxed()
    },
};

pub(super) const AGE: Scenario = Scenario {
    name: "age",
    what: "the service closes its connections again and again, as `Limits::max_age` says",
    nest: Nest::Caller,
    run: |setting| {
        async move {
            let start = Start {
                flags: &["--max-age-ms", "150"],
                ..Start::default()
            };
            let round = Round::start(setting, start).await?;
            sleep(BAD_WEATHER).await;
            Ok(round.end_without_due_events().await)
        }
        .boxed()
    },
};

async fn under(setting: &Setting, weather: Weather) -> Result<Vec<Broken>, HarnessError> {
    let start = Start {
        weather: Some(weather),
        ..Start::default()
    };
    let round = Round::start(setting, start).await?;
    sleep(BAD_WEATHER).await;
    Ok(round.end().await)
}
