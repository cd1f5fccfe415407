//! A service and the client that calls it.

use std::{env, error::Error, fmt, io, time::Duration};

use nest_wire_benches::{
    peers::{Cores, Server},
    usage,
};
use nest_wire_harness::{App, Harness, NatsServer};
use tokio::process::Command;

use crate::{
    caller::Caller,
    service::{BARE, OURS, Served},
};

/// What a service is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stack {
    NestWire,
    NestTcp,
    Tonic,
    NestGrpc,
    NestWireNats,
    AsyncNats,
    NestNats,
}

impl Stack {
    pub(crate) const ALL: [Self; 7] = [
        Self::NestWire,
        Self::NestTcp,
        Self::Tonic,
        Self::NestGrpc,
        Self::NestWireNats,
        Self::AsyncNats,
        Self::NestNats,
    ];

    fn command(self, harness: &Harness, nats: &str) -> io::Result<Command> {
        let node = |app, arguments: &[&str]| {
            let mut command = harness.node(app, 12);
            command.args(arguments);
            Ok(command)
        };
        match self {
            Self::NestTcp => node(App::Bench, &[]),
            Self::NestGrpc => node(App::BenchGrpc, &[]),
            Self::NestNats => node(App::Bench, &["--nats", nats]),
            Self::NestWire => itself(Served::NestWire, nats),
            Self::Tonic => itself(Served::Tonic, nats),
            Self::NestWireNats => itself(Served::NestWireNats, nats),
            Self::AsyncNats => itself(Served::AsyncNats, nats),
        }
    }

    const fn is_over_nats(self) -> bool {
        matches!(self, Self::NestWireNats | Self::AsyncNats | Self::NestNats)
    }
}

/// Returns the command that serves with this very program.
fn itself(served: Served, nats: &str) -> io::Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.args(["--serve", served.name(), "--nats", nats]);
    Ok(command)
}

impl fmt::Display for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NestWire => "nest-wire, TCP",
            Self::NestTcp => "Nest 12, TCP",
            Self::Tonic => "tonic, gRPC",
            Self::NestGrpc => "Nest 12, gRPC",
            Self::NestWireNats => "nest-wire-nats",
            Self::AsyncNats => "async-nats, bare",
            Self::NestNats => "Nest 12, NATS",
        })
    }
}

/// A running service with its caller.
pub(crate) struct Contender {
    server: Server,
    caller: Caller,
    /// The process of the NATS server, if calls go through it.
    broker: Option<u32>,
}

/// CPU time used so far, by the service and by the broker.
pub(crate) struct Used([Duration; 2]);

impl Contender {
    pub(crate) async fn start(
        stack: Stack,
        harness: &Harness,
        nats: &NatsServer,
        cores: Cores,
    ) -> Result<Self, Box<dyn Error>> {
        let command = stack.command(harness, &nats.url())?;
        let server = Server::spawn(stack.to_string(), command, cores).await?;
        let caller = match stack {
            Stack::NestWire | Stack::NestTcp => Caller::tcp(server.address()),
            Stack::Tonic | Stack::NestGrpc => Caller::grpc(server.address()).await?,
            Stack::NestWireNats => Caller::nats(&nats.url(), OURS).await?,
            Stack::AsyncNats => Caller::nats(&nats.url(), BARE).await?,
            Stack::NestNats => Caller::nats(&nats.url(), "sum").await?,
        };
        Ok(Self {
            server,
            caller,
            broker: nats.id().filter(|_| stack.is_over_nats()),
        })
    }

    /// Makes a call and checks its answer.
    pub(crate) async fn call(&self) -> Result<(), Box<dyn Error>> {
        match self.caller.sum(&[1.0, 2.0, 3.0]).await? {
            6.0 => Ok(()),
            sum => Err(format!("the sum is {sum}").into()),
        }
    }

    pub(crate) fn used(&self) -> io::Result<Used> {
        let broker = self.broker.map(usage::cpu).transpose()?;
        Ok(Used([self.server.cpu()?, broker.unwrap_or_default()]))
    }
}

impl Used {
    pub(crate) fn since(&self, before: &Self) -> [Duration; 2] {
        [self.0[0] - before.0[0], self.0[1] - before.0[1]]
    }
}
