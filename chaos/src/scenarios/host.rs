//! A service (ours or Nest's) over all the lives that a round gives it.

use std::{io, net::SocketAddr, path::PathBuf, time::Duration};

use nest_wire_harness::{Harness, HarnessError, Service};
use tokio::{process::Command, time::sleep};

use super::Make;
use crate::{
    Journal,
    process::{self, Signal},
};

/// Pause between two looks at the journal while an entry is expected.
const LOOK: Duration = Duration::from_millis(20);

/// A service that can be stopped, killed and started again on its port.
#[derive(Debug)]
pub struct Host {
    make: Make,
    program: PathBuf,
    harness: Harness,
    flags: Vec<String>,
    /// Maximum number of descriptors that the process may open.
    descriptors: Option<u64>,
    service: Option<Service>,
    port: u16,
    lives: usize,
    journal: Journal,
}

impl Host {
    /// Starts a service. `program` is this package's program, which serves when it is run with
    /// `serve`.
    ///
    /// # Errors
    /// Fails if the service does not start.
    pub async fn start(
        make: Make,
        program: PathBuf,
        harness: Harness,
        flags: &[&str],
        descriptors: Option<u64>,
    ) -> Result<Self, HarnessError> {
        let mut host = Self {
            make,
            program,
            harness,
            flags: flags.iter().map(ToString::to_string).collect(),
            descriptors,
            service: None,
            port: 0,
            lives: 0,
            journal: Journal::default(),
        };
        host.restart().await?;
        Ok(host)
    }

    /// Returns the address that the service listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// Returns whether the service is ours or Nest's.
    #[must_use]
    pub const fn make(&self) -> Make {
        self.make
    }

    /// Starts the service again on its previous port.
    ///
    /// # Errors
    /// Fails if the service does not start.
    pub async fn restart(&mut self) -> Result<(), HarnessError> {
        self.lives += 1;
        let service = Service::start(self.name(), self.command()).await?;
        self.port = service.address().port();
        self.service = Some(service);
        Ok(())
    }

    /// Sends a signal to the process, if it runs.
    ///
    /// # Errors
    /// Fails if there is no such process.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        match self.process() {
            Some(process) => process::send(process, signal),
            None => Ok(()),
        }
    }

    /// Returns the process's id while it runs.
    #[must_use]
    pub fn process(&self) -> Option<u32> {
        self.service.as_ref().and_then(Service::id)
    }

    /// Waits until the process has ended, and keeps its output.
    ///
    /// # Errors
    /// Fails if the process does not end within a minute.
    pub async fn ended(&mut self) -> io::Result<()> {
        let Some(mut service) = self.service.take() else {
            return Ok(());
        };
        let ended = service.ended().await;
        let output = service.output();
        self.journal.add(&self.name(), output.iter().map(String::as_str));
        ended.map(drop).map_err(|error| {
            let log = service.log();
            io::Error::new(error.kind(), format!("{} does not end: {error}\n{log}", self.name()))
        })
    }

    /// Returns the journal of all lives so far.
    fn journal_so_far(&self) -> Journal {
        let mut journal = self.journal.clone();
        let output = self.service.as_ref().map(Service::output).unwrap_or_default();
        journal.add(&self.name(), output.iter().map(String::as_str));
        journal
    }

    /// Returns the journal of the lives that have ended.
    #[must_use]
    pub const fn journal(&self) -> &Journal {
        &self.journal
    }

    fn name(&self) -> String {
        format!("{:?} on port {}, life {}", self.make, self.port, self.lives)
    }

    fn command(&self) -> Command {
        let mut command = match (self.make, self.descriptors) {
            (Make::Ours, descriptors) => {
                let mut command = Command::new(&self.program);
                command.arg("serve");
                if let Some(most) = descriptors {
                    command.args(["--descriptors", &most.to_string()]);
                }
                command
            }
            (Make::Nest(major), descriptors) => self.nest(major, descriptors),
        };
        command.args(["--port", &self.port.to_string()]).args(&self.flags);
        command
    }

    fn nest(&self, major: u8, descriptors: Option<u64>) -> Command {
        let app = self.harness.checkout().join("node-harness/apps/chaos-service.mjs");
        let mut command = match descriptors {
            Some(most) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", &format!("ulimit -n {most}; exec \"$@\""), "sh", "node"]);
                shell
            }
            None => Command::new("node"),
        };
        command.arg(app).args(["--nest", &major.to_string()]);
        command
    }
}

/// Waits until handlers of any of these hosts have received all these numbers, or until `patience`
/// has elapsed.
pub(super) async fn saw(hosts: &[Host], numbers: &[u64], patience: Duration) {
    let looks = patience.as_millis() / LOOK.as_millis();
    for _ in 0..looks {
        let mut journal = Journal::default();
        hosts.iter().for_each(|host| journal.merge(&host.journal_so_far()));
        if numbers.iter().all(|number| journal.times(*number) > 0) {
            return;
        }
        sleep(LOOK).await;
    }
}
