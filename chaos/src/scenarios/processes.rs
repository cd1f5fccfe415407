//! Faults of whole processes: stopped, killed, terminated, without descriptors.

use futures_util::{FutureExt, future::join_all};
use nest_wire_harness::HarnessError;
use tokio::{net::TcpStream, time::sleep};

use super::{Broken, Make, Nest, Round, Scenario, Setting, Start};
use crate::{
    caller::Caller,
    process::{self, Signal},
};

pub(super) const STOPPED: Scenario = Scenario {
    name: "stopped",
    what: "the service is stopped (SIGSTOP) and goes on (SIGCONT)",
    nest: Nest::Service,
    run: |setting| {
        async move {
            let mut round = Round::start(setting, Start::default()).await?;
            for _ in 0..3 {
                sleep(round.milliseconds(50..200)).await;
                signal(&round, 0, Signal::SIGSTOP)?;
                sleep(round.milliseconds(20..700)).await;
                signal(&round, 0, Signal::SIGCONT)?;
            }
            Ok(round.end().await)
        }
        .boxed()
    },
};

pub(super) const KILLED: Scenario = Scenario {
    name: "killed",
    what: "the service is killed (SIGKILL) and started again",
    nest: Nest::EitherSide,
    run: |setting| restarted(setting, Signal::SIGKILL, 0).boxed(),
};

pub(super) const TERMINATED: Scenario = Scenario {
    name: "terminated",
    what: "the service gets SIGTERM under load and is started again; what was sent before is handled",
    nest: Nest::Caller,
    run: |setting| restarted(setting, Signal::SIGTERM, 50).boxed(),
};

pub(super) const DESCRIPTORS: Scenario = Scenario {
    name: "descriptors",
    what: "the service runs out of descriptors in a storm of connections",
    nest: Nest::EitherSide,
    run: |setting| {
        async move {
            let most = match setting.pairing.service {
                Make::Ours => 32,
                // Node opens all its modules at the same time.
                Make::Nest(_) => 512,
            };
            let start = Start {
                descriptors: Some(most),
                ..Start::default()
            };
            let mut round = Round::start(setting, start).await?;
            let address = round.hosts[0].address();
            for _ in 0..2 {
                let storm = join_all((0..most + 100).map(|_| TcpStream::connect(address))).await;
                sleep(round.milliseconds(100..400)).await;
                drop(storm);
                sleep(round.milliseconds(50..100)).await;
            }
            Ok(round.end().await)
        }
        .boxed()
    },
};

pub(super) const HOSTS: Scenario = Scenario {
    name: "hosts",
    what: "of three services one is killed and one is stopped; both come back",
    nest: Nest::Service,
    run: |setting| {
        async move {
            let start = Start {
                hosts: 3,
                ..Start::default()
            };
            let mut round = Round::start(setting, start).await?;
            sleep(round.milliseconds(100..300)).await;
            signal(&round, 0, Signal::SIGKILL)?;
            signal(&round, 1, Signal::SIGSTOP)?;
            sleep(round.milliseconds(500..1500)).await;
            signal(&round, 1, Signal::SIGCONT)?;
            round.hosts[0].ended().await.map_err(lost)?;
            round.hosts[0].restart().await?;
            Ok(round.end().await)
        }
        .boxed()
    },
};

pub(super) const STOPPED_CALLER: Scenario = Scenario {
    name: "stopped-caller",
    what: "Nest's caller is stopped (SIGSTOP) while answers come, and goes on",
    nest: Nest::CallerAlways,
    run: |setting| {
        async move {
            let mut round = Round::start(setting, Start::default()).await?;
            for _ in 0..3 {
                sleep(round.milliseconds(50..300)).await;
                signal_caller(&round, Signal::SIGSTOP)?;
                sleep(round.milliseconds(50..600)).await;
                signal_caller(&round, Signal::SIGCONT)?;
            }
            Ok(round.end().await)
        }
        .boxed()
    },
};

async fn restarted(setting: &Setting, how: Signal, due_events: usize) -> Result<Vec<Broken>, HarnessError> {
    let mut round = Round::start(setting, Start::default()).await?;
    for _ in 0..2 {
        sleep(round.milliseconds(50..400)).await;
        round.send_due_events(due_events).await;
        signal(&round, 0, how)?;
        round.hosts[0].ended().await.map_err(lost)?;
        sleep(round.milliseconds(1..200)).await;
        round.hosts[0].restart().await?;
    }
    Ok(round.end().await)
}

fn signal(round: &Round, host: usize, signal: Signal) -> Result<(), HarnessError> {
    round.hosts[host].signal(signal).map_err(lost)
}

fn signal_caller(round: &Round, signal: Signal) -> Result<(), HarnessError> {
    match &*round.caller {
        Caller::Nest(caller) => match caller.child().id() {
            Some(process) => process::send(process, signal).map_err(lost),
            None => Ok(()),
        },
        Caller::Ours(_) => Ok(()),
    }
}

fn lost(source: std::io::Error) -> HarnessError {
    HarnessError::File {
        path: "a process".into(),
        source,
    }
}
