//! The varied quantities, and the measurement of a point.

use std::{error::Error, time::Duration};

use nest_wire_benches::{
    load::{Exchange, Load, Shape, Until},
    peers::{Binaries, Cores, Kind, Pinned, Server},
    text::Script,
};

/// One chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Series {
    Connections,
    InFlight,
    Routes,
    Payload,
}

impl Series {
    pub(crate) const ALL: [Self; 4] = [Self::Connections, Self::InFlight, Self::Routes, Self::Payload];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Connections => "connections, 1 call in flight on each",
            Self::InFlight => "calls in flight on 1 connection",
            Self::Routes => "routes, 1 connection, 64 in flight",
            Self::Payload => "bytes of payload, 1 connection, 1 in flight",
        }
    }

    /// Returns the counted unit.
    pub(crate) fn what(self) -> &'static str {
        match self {
            Self::Payload => "megabytes",
            _ => "requests",
        }
    }

    pub(crate) fn file(self) -> &'static str {
        match self {
            Self::Connections => "connections.svg",
            Self::InFlight => "in-flight.svg",
            Self::Routes => "routes.svg",
            Self::Payload => "payload.svg",
        }
    }

    pub(crate) fn points(self) -> Vec<usize> {
        match self {
            Self::Payload => vec![10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 64_000_000],
            _ => vec![1, 10, 100, 1000, 10_000],
        }
    }
}

/// One load.
pub(crate) struct Point {
    exchange: Exchange,
    shape: Shape,
    routes: usize,
    /// Number of requests or megabytes for each exchange.
    units: f64,
}

impl Point {
    pub(crate) fn of(series: Series, x: usize) -> Self {
        let (connections, in_flight) = match series {
            Series::Connections => (x, 1),
            Series::InFlight => (1, x),
            Series::Routes => (1, 64),
            Series::Payload => (1, 1),
        };
        let shape = Shape { connections, in_flight };
        match series {
            Series::Payload => Self {
                exchange: payload(x),
                shape,
                routes: 0,
                units: x as f64 / 1e6,
            },
            _ => Self {
                exchange: Exchange::request("\"sum\"", "[1,2,3]").answered("6"),
                shape,
                routes: if series == Series::Routes { x } else { 0 },
                units: 1.0,
            },
        }
    }

    /// Returns the server's throughput in a second of CPU time.
    pub(crate) async fn measure(
        &self,
        kind: Kind,
        binaries: &Binaries,
        slice: Duration,
    ) -> Result<f64, Box<dyn Error>> {
        let server = Server::start_with_routes(kind, binaries, self.routes, Cores::Only(0)).await?;
        let _pinned = Pinned::to(Cores::Only(1));
        let mut load = Load::connect(server.address(), self.shape, &self.exchange).await?;
        load.run(Until::For(slice)).await?;
        let before = server.cpu()?;
        let report = load.run(Until::For(slice)).await?;
        let used = server.cpu()? - before;
        Ok(report.exchanges as f64 * self.units / used.as_secs_f64())
    }
}

fn payload(bytes: usize) -> Exchange {
    let json = Script::Ascii.json(bytes);
    let last = json.chars().rev().nth(1).map(String::from).unwrap_or_default();
    Exchange::request("\"tail\"", &json).answered(&format!("\"{last}\""))
}
