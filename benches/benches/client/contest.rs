//! Two clients that take turns.

use std::{
    error::Error,
    path::PathBuf,
    time::{Duration, Instant},
};

use nest_wire::client::Client;
use nest_wire_benches::{
    comparison::Round,
    load::Exchange,
    peers::{self, Binaries, Cores, Driven, Server},
};
use nest_wire_harness::{App, Harness};
use tokio::process::Command;

/// The core of the clients, and the core of the servers.
const CLIENTS: Cores = Cores::Only(0);
const SERVER: Cores = Cores::Only(1);
/// Number of calls that are timed to compute the number of calls in a turn.
const SAMPLE: u64 = 4000;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Against the raw server, which replies with 6 and the call's id. Clients check the 6.
    Calls,
    /// Against our server, which counts them. The count is checked.
    Events,
}

pub(crate) struct Contest {
    pub(crate) kind: Kind,
    pub(crate) in_flight: usize,
    pub(crate) slice: Duration,
    pub(crate) candidates: usize,
    pub(crate) binaries: Binaries,
    pub(crate) client: PathBuf,
}

impl Contest {
    pub(crate) fn name(&self) -> String {
        match self.kind {
            Kind::Calls => format!("send, {} in flight", self.in_flight),
            Kind::Events => format!("emit, {} in flight", self.in_flight),
        }
    }

    pub(crate) async fn hold(&self, rounds: usize) -> Result<Vec<Round>, Box<dyn Error>> {
        let server = self.server().await?;
        let mut nest = self.best_nest(&server).await?;
        let mut ours = self.contender(Command::new(&self.client), &server).await?;
        let mut measured = Vec::new();
        for _ in 0..rounds {
            measured.push(Round {
                nest: Some(self.turn(&mut nest, &server).await?),
                ours: self.turn(&mut ours, &server).await?,
                ..Round::default()
            });
        }
        Ok(measured)
    }

    async fn server(&self) -> Result<Server, Box<dyn Error>> {
        let exchange = Exchange::request("\"sum\"", "[1,2,3]").answered("6");
        let server = match self.kind {
            Kind::Calls => Server::start_raw_with_ids(&self.binaries, &exchange, SERVER).await?,
            Kind::Events => Server::start(peers::Kind::Ours { workers: 1 }, &self.binaries, &exchange, SERVER).await?,
        };
        Ok(server)
    }

    async fn best_nest(&self, server: &Server) -> Result<Contender, Box<dyn Error>> {
        let mut best: Option<(f64, Contender)> = None;
        for _ in 0..self.candidates {
            let command = Harness::find()?.node(App::BenchClient, 12);
            let mut candidate = self.contender(command, server).await?;
            let figure = self.turn(&mut candidate, server).await?;
            if best.as_ref().is_none_or(|(least, _)| figure < *least) {
                best = Some((figure, candidate));
            }
        }
        best.map(|(_, candidate)| candidate)
            .ok_or_else(|| "no Nest process".into())
    }

    /// Returns a warm client, with the number of calls that fill its turn.
    async fn contender(&self, mut command: Command, server: &Server) -> Result<Contender, Box<dyn Error>> {
        command
            .args(["--port", &server.address().port().to_string()])
            .args(["--in-flight", &self.in_flight.to_string()]);
        if self.kind == Kind::Events {
            command.arg("--emit");
        }
        let mut contender = Contender {
            client: Driven::start(command, CLIENTS)?,
            calls: SAMPLE,
        };
        for _ in 0..2 {
            let start = Instant::now();
            self.turn(&mut contender, server).await?;
            let filling = contender.calls as f64 * self.slice.as_secs_f64() / start.elapsed().as_secs_f64();
            contender.calls = (filling as u64).max(SAMPLE);
        }
        Ok(contender)
    }

    /// Returns the nanoseconds of CPU time for each call.
    async fn turn(&self, contender: &mut Contender, server: &Server) -> Result<f64, Box<dyn Error>> {
        let used = contender.client.calls(contender.calls).await?;
        if self.kind == Kind::Events {
            arrived(server, contender.calls).await?;
        }
        Ok(used.as_nanos() as f64 / contender.calls as f64)
    }
}

struct Contender {
    client: Driven,
    calls: u64,
}

/// Waits until this number of events has arrived. A larger number is an error.
async fn arrived(server: &Server, expected: u64) -> Result<(), Box<dyn Error>> {
    let asking = Client::new(server.address().to_string());
    let (mut arrived, patience) = (0, Instant::now() + Duration::from_secs(10));
    while arrived < expected && Instant::now() < patience {
        arrived += asking.send::<u64>("logged", &0).await?;
    }
    match arrived == expected {
        true => Ok(()),
        false => Err(format!("{arrived} events of {expected} arrived").into()),
    }
}
