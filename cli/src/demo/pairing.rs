//! One run of the tutorial: two services, and a proxy between them.

use super::{DemoError, Packet, Toolbox, http, packets};
use nest_wire::recording::Proxy;
use nest_wire_harness::{App, Service};

/// What plays a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Player {
    Node,
    Rust,
}

/// Who plays which part.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pairing {
    pub(super) main: Player,
    pub(super) user: Player,
}

/// The services of a pairing, at work.
pub(super) struct Services {
    pub(super) main: Service,
    pub(super) user: Service,
    proxy: Proxy,
}

/// What there was to see.
pub(super) struct Seen {
    pub(super) packets: Vec<Packet>,
    pub(super) response: http::Response,
    /// What the user service printed.
    pub(super) printed: String,
}

/// What the browser asks for.
pub(super) const PATH: &str = "/sum?num=1,2,3";
const EVENT: &str = "求和";

impl Pairing {
    /// Starts the user service, on a free port.
    pub(super) async fn user(self, tools: &Toolbox) -> Result<Service, DemoError> {
        let mut command = tools.command(self.user, App::User);
        command.args(["--port", "0", "--host", "127.0.0.1"]);
        Ok(Service::start(format!("{} user", self.user), command).await?)
    }

    /// Starts the main service, with a proxy on its way to `user`.
    pub(super) async fn main(self, tools: &Toolbox, user: Service) -> Result<Services, DemoError> {
        let proxy = Proxy::start(user.address().to_string(), |_| {}).await;
        let proxy = proxy.map_err(DemoError::Proxy)?;
        let mut command = tools.command(self.main, App::Main);
        command
            .args(["--port", "0", "--host", "127.0.0.1"])
            .args(["--user-port", &proxy.address().port().to_string()])
            .args(["--user-host", "127.0.0.1"]);
        let main = Service::start(format!("{} main", self.main), command).await?;
        Ok(Services { main, user, proxy })
    }
}

impl Services {
    /// Asks the main service, and gives what came of it.
    pub(super) async fn ask(&self) -> Result<Seen, DemoError> {
        let main = self.main.address();
        let response = http::get(main, PATH).await.map_err(|source| DemoError::Http {
            url: format!("{main}{PATH}"),
            source,
        })?;
        if response.status == "200 OK" {
            self.user.wait_for_line(EVENT).await?;
        }
        Ok(Seen {
            packets: Packet::all(&self.proxy.events())?,
            response,
            printed: self.user.output().join(" "),
        })
    }
}

impl Seen {
    /// Whether it is what the tutorial shows.
    pub(super) fn check(&self) -> Result<(), DemoError> {
        packets::check(&self.packets)?;
        DemoError::unless_equal(&self.response.status, "200 OK")?;
        DemoError::unless_equal(&self.response.body, "6")?;
        DemoError::unless_equal(&self.printed, EVENT)
    }
}

impl std::fmt::Display for Player {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Node => "Node",
            Self::Rust => "Rust",
        })
    }
}
