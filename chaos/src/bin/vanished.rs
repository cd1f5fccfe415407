//! Measures the time in which either side detects that its peer has vanished while data is
//! unacknowledged.
//!
//!     cargo run -p nest-wire-chaos --bin vanished
//!
//! The program runs in its own network namespace (`unshare` of util-linux, `ip` and `tc` of
//! iproute2). From some moment on, its loopback drops every packet: no connection is reset or
//! refused. Keepalive sends no probes while data waits to be acknowledged, so only
//! `TCP_USER_TIMEOUT` can end such a connection.

use std::{
    error::Error,
    future::pending,
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use clap::Parser;
use futures_util::{StreamExt, stream};
use nest_wire::{
    client::Client,
    connection::{Keepalive, TcpOptions},
    server::{HostListener, ReplyStream, Router, serve},
};
use tokio::sync::mpsc;

/// Drops all packets between a service and its client, and measures when both detect it
#[derive(Debug, Parser)]
struct Arguments {
    /// Set in the network namespace
    #[arg(long, hide = true)]
    inside: bool,
}

/// Two seconds of silence, then two probes a second apart.
const IDLE: Duration = Duration::from_secs(2);
const INTERVAL: Duration = Duration::from_secs(1);
const RETRIES: u32 = 2;
/// The system checks the timeout only when it retransmits data, and the pauses between
/// retransmissions double.
const AT_MOST: Duration = Duration::from_secs(15);

fn main() -> Result<ExitCode, Box<dyn Error>> {
    if Arguments::parse().inside {
        run("ip", "link set lo up")?;
        return tokio::runtime::Runtime::new()?.block_on(measure());
    }
    let status = Command::new("unshare")
        .args(["--user", "--map-root-user", "--net"])
        .arg(std::env::current_exe()?)
        .arg("--inside")
        .status()?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn run(program: &str, arguments: &str) -> Result<(), Box<dyn Error>> {
    let status = Command::new(program).args(arguments.split(' ')).status()?;
    status
        .success()
        .then_some(())
        .ok_or_else(|| format!("{program} {arguments}: {status}").into())
}

/// Sends a message when dropped.
struct Gone(mpsc::UnboundedSender<()>);

impl Drop for Gone {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

async fn measure() -> Result<ExitCode, Box<dyn Error>> {
    let keepalive = Keepalive::after(IDLE).interval(INTERVAL).retries(RETRIES);
    let (gone, mut is_gone) = mpsc::unbounded_channel();
    let router = Router::new()
        .message("hang", async || pending::<()>().await)
        .message("count", move || {
            let gone = Gone(gone.clone());
            let numbers = stream::unfold((0_u64, gone), async |(number, gone)| {
                tokio::time::sleep(Duration::from_millis(100)).await;
                Some((number, (number + 1, gone)))
            });
            async { ReplyStream::new(numbers) }
        });
    let listener = HostListener::bind("127.0.0.1:0")
        .await?
        .tcp(TcpOptions::default().keepalive(keepalive.clone()));
    let address = listener.local_addrs()?[0];
    tokio::spawn(serve(listener, router).into_future());

    let config = Client::builder()
        .tcp(TcpOptions::default().keepalive(keepalive))
        .timeout(Duration::MAX);
    let client = config.build(address.to_string()).expect("a client");
    let mut numbers = Box::pin(client.send_stream::<u64>("count", &0).await?);
    numbers.next().await.ok_or("no first number")??;

    run("tc", "qdisc add dev lo root tbf rate 8bit burst 1 latency 1ms")?;
    let vanished = Instant::now();
    let call = client.send::<()>("hang", &0);
    let (on_client, on_service) = tokio::join!(
        async {
            let error = call.await.expect_err("the service has vanished");
            (vanished.elapsed(), error)
        },
        async {
            is_gone.recv().await;
            vanished.elapsed()
        }
    );
    println!("keepalive after {IDLE:?}, then {RETRIES} times {INTERVAL:?}; every packet dropped from 0 s on");
    println!("client:  {:?}, {}; {:?}", on_client.0, on_client.1, client.state());
    println!("service: {on_service:?}");
    let held = on_client.0 < AT_MOST && on_service < AT_MOST && !client.state().is_connected();
    Ok(if held { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
