//! Servers under a steady load, in turns.

use std::{error::Error, time::Duration};

use nest_wire_benches::{
    comparison::Round,
    load::{Load, Until},
    peers::{Binaries, Cores, Kind, Pinned, Server},
};

use super::{
    Effort,
    row::{Figure, Raw, Steady},
};

/// The core of the servers.
const SERVERS: Cores = Cores::Only(0);
/// The core of the generator.
const GENERATOR: Cores = Cores::Only(1);

pub(crate) async fn measure(
    steady: &Steady,
    binaries: &Binaries,
    effort: &Effort,
) -> Result<Vec<Round>, Box<dyn Error>> {
    let mut nest = best_nest(steady, binaries, effort).await?;
    let mut ours = Contender::start(Kind::Ours { workers: 1 }, steady, binaries).await?;
    let mut raw = match steady.raw {
        Raw::Measured => Some(Contender::start(Kind::Raw, steady, binaries).await?),
        Raw::Left => None,
    };
    // Warm the caches and fill the buffers.
    ours.turn(steady, effort.slice / 4).await?;
    let mut rounds = Vec::new();
    for _ in 0..effort.rounds {
        let (nest, _) = nest.turn(steady, effort.slice).await?;
        let (ours, generator) = ours.turn(steady, effort.slice / 2).await?;
        let raw = match &mut raw {
            Some(raw) => Some(raw.turn(steady, effort.slice / 2).await?.0),
            None => None,
        };
        rounds.push(Round {
            nest: Some(nest),
            ours,
            raw,
            generator: Some(generator),
        });
    }
    Ok(rounds)
}

/// Returns the fastest of several Nest processes. They differ permanently, by a factor of up to
/// 1.6, because the engine optimises each one differently.
async fn best_nest(steady: &Steady, binaries: &Binaries, effort: &Effort) -> Result<Contender, Box<dyn Error>> {
    let mut best: Option<(f64, Contender)> = None;
    for _ in 0..effort.candidates {
        let mut candidate = Contender::start(Kind::Nest, steady, binaries).await?;
        candidate.turn(steady, effort.slice).await?;
        let (figure, _) = candidate.turn(steady, effort.slice / 2).await?;
        if best.as_ref().is_none_or(|(least, _)| figure < *least) {
            best = Some((figure, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
        .ok_or_else(|| "no Nest process".into())
}

/// A server with its connections.
struct Contender {
    server: Server,
    load: Load,
}

impl Contender {
    async fn start(kind: Kind, steady: &Steady, binaries: &Binaries) -> Result<Self, Box<dyn Error>> {
        let exchange = match kind {
            Kind::Raw => steady.exchange.clone().canned(),
            Kind::Ours { .. } | Kind::Nest => steady.exchange.clone(),
        };
        let server = Server::start(kind, binaries, &exchange, SERVERS).await?;
        let load = Load::connect(server.address(), steady.shape, &exchange).await?;
        Ok(Self { server, load })
    }

    /// Returns the figure, and how busy the generator was.
    async fn turn(&mut self, steady: &Steady, slice: Duration) -> Result<(f64, f64), Box<dyn Error>> {
        let _pinned = Pinned::to(match steady.figure {
            Figure::MedianLatency => SERVERS,
            Figure::Cpu | Figure::PeakMemory => GENERATOR,
        });
        let before = self.server.cpu()?;
        let report = self.load.run(Until::For(slice)).await?;
        let used = self.server.cpu()? - before;
        let figure = match steady.figure {
            Figure::Cpu => used.as_nanos() as f64 / (report.exchanges as f64 * steady.units),
            Figure::MedianLatency => report.latency(0.5).as_nanos() as f64,
            Figure::PeakMemory => self.server.peak_memory()? as f64,
        };
        Ok((figure, report.generator_load()))
    }
}
