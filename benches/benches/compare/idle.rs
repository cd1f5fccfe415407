//! The memory that ten thousand idle connections cost the server's process.

use std::{error::Error, time::Duration};

use nest_wire_benches::{
    comparison::Round,
    load::{Exchange, Load, Shape, Until},
    peers::{Binaries, Cores, Kind, Server},
    text::Script,
};
use tokio::time::sleep;

use super::{Effort, row::Idle};

/// Connections are opened, and write, in groups, so that the 20 kB messages are not all in memory
/// at once.
const GROUPS: usize = 100;
const GROUP: Shape = Shape {
    connections: 100,
    in_flight: 1,
};
const MESSAGE: usize = 20_000;

/// Number of readings of an idle server's memory; the smallest counts.
const LOOKS: usize = 10;
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

pub(crate) async fn measure(idle: Idle, binaries: &Binaries, effort: &Effort) -> Result<Vec<Round>, Box<dyn Error>> {
    let mut rounds = Vec::new();
    // Each round starts new processes. Three rounds show as much as five.
    for _ in 0..effort.rounds.min(3) {
        let nest = each_connection(Kind::Nest, idle, binaries).await?;
        rounds.push(Round {
            nest: Some(nest),
            ours: each_connection(Kind::Ours { workers: 1 }, idle, binaries).await?,
            ..Round::default()
        });
    }
    Ok(rounds)
}

/// Returns the bytes that each connection adds.
async fn each_connection(kind: Kind, idle: Idle, binaries: &Binaries) -> Result<f64, Box<dyn Error>> {
    let json = Script::Ascii.json(MESSAGE);
    let last = json.chars().rev().nth(1).map(String::from).unwrap_or_default();
    let exchange = Exchange::request("\"tail\"", &json).answered(&format!("\"{last}\""));
    let server = Server::start(kind, binaries, &exchange, Cores::All).await?;
    ask_once(&server, &exchange).await?;
    let before = settled(&server).await?;
    let mut groups = Vec::new();
    for _ in 0..GROUPS {
        groups.push(Load::connect(server.address(), GROUP, &exchange).await?);
    }
    // Connections are accepted in order. Once this one is answered, all others are open.
    ask_once(&server, &exchange).await?;
    if idle == Idle::AfterMessage {
        for group in &mut groups {
            group.run(Until::Count(GROUP.connections as u64)).await?;
        }
    }
    let after = settled(&server).await?;
    Ok((after - before) / (GROUPS * GROUP.connections) as f64)
}

async fn ask_once(server: &Server, exchange: &Exchange) -> Result<(), Box<dyn Error>> {
    let one = Shape {
        connections: 1,
        in_flight: 1,
    };
    Load::connect(server.address(), one, exchange)
        .await?
        .run(Until::Count(1))
        .await?;
    Ok(())
}

async fn settled(server: &Server) -> Result<f64, Box<dyn Error>> {
    let mut least = f64::INFINITY;
    for _ in 0..LOOKS {
        sleep(BETWEEN_LOOKS).await;
        least = least.min(server.memory()? as f64);
    }
    Ok(least)
}
