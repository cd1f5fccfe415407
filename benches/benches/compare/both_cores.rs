//! Checks whether handlers that compute on one connection use both cores.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use nest_wire_benches::{
    comparison::Round,
    handlers::computed,
    load::{Exchange, Load, Shape, Until},
    peers::{Binaries, Cores, Kind, Server},
};

use super::Effort;

/// Computing time of a handler.
const WORK: Duration = Duration::from_micros(100);
const SHAPE: Shape = Shape {
    connections: 1,
    in_flight: 64,
};

/// Measures the time between two replies. The server with one worker on one core takes Nest's
/// place.
pub(crate) async fn measure(binaries: &Binaries, effort: &Effort) -> Result<Vec<Round>, Box<dyn Error>> {
    let rounds_of_work = calibrated();
    let exchange =
        Exchange::request("\"compute\"", &rounds_of_work.to_string()).answered(&computed(rounds_of_work).to_string());
    let one = Server::start(Kind::Ours { workers: 1 }, binaries, &exchange, Cores::Only(0)).await?;
    let both = Server::start(Kind::Ours { workers: 2 }, binaries, &exchange, Cores::All).await?;
    let mut on_one = Load::connect(one.address(), SHAPE, &exchange).await?;
    let mut on_both = Load::connect(both.address(), SHAPE, &exchange).await?;
    let mut rounds = Vec::new();
    for _ in 0..effort.rounds {
        let (of_one, _) = between_answers(&mut on_one, effort).await?;
        let (of_both, generator) = between_answers(&mut on_both, effort).await?;
        rounds.push(Round {
            nest: Some(of_one),
            ours: of_both,
            raw: None,
            generator: Some(generator),
        });
    }
    Ok(rounds)
}

async fn between_answers(load: &mut Load, effort: &Effort) -> Result<(f64, f64), Box<dyn Error>> {
    let report = load.run(Until::For(effort.slice)).await?;
    Ok((1e9 / report.rate(), report.generator_load()))
}

/// Returns the amount of work that takes this time here, by the fastest of several tries.
fn calibrated() -> u32 {
    const TRY: u32 = 100_000;
    let tries = (0..10).map(|_| {
        let start = Instant::now();
        std::hint::black_box(computed(TRY));
        start.elapsed()
    });
    let quickest = tries.min().unwrap_or(WORK);
    (f64::from(TRY) * WORK.as_secs_f64() / quickest.as_secs_f64()) as u32
}
