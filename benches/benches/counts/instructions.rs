//! Counting instructions, with valgrind: what a process executes for more work, less what it executes for less.

use std::{
    error::Error,
    path::Path,
    process::{Command, Stdio},
};

use nest_wire_benches::{
    counted::Work,
    load::{Exchange, Load, Shape, Until},
    peers::{Cores, Server},
};

use super::document::Figures;

/// What one Nest `ClientProxy` does.
const SHAPE: Shape = Shape {
    connections: 1,
    in_flight: 64,
};

/// Whether valgrind is installed.
pub(crate) fn can_be_counted() -> bool {
    let mut valgrind = Command::new("valgrind");
    valgrind.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    valgrind.status().is_ok_and(|status| status.success())
}

/// How many instructions each unit of the work takes.
pub(crate) fn per_unit(work: &Work) -> Result<f64, Box<dyn Error>> {
    let few = in_all(work, work.runs)?;
    let many = in_all(work, 3 * work.runs)?;
    Ok((many - few) as f64 / (2 * work.runs * work.units) as f64)
}

fn in_all(work: &Work, runs: u64) -> Result<u64, Box<dyn Error>> {
    let mut command = counting(Path::new(env!("CARGO_BIN_EXE_counted")));
    let output = command.args([work.name, &runs.to_string()]).output()?;
    let log = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("{}: {log}", work.name).into());
    }
    counted_in(&log)
}

/// How many instructions a request costs whole servers, sockets and all: ours, and the raw one.
pub(crate) async fn of_servers() -> Result<Vec<(String, Figures)>, Box<dyn Error>> {
    let exchange = Exchange::request("\"sum\"", "[1,2,3]").answered("6");
    let canned = exchange.clone().canned();
    let ours = counting(Path::new(env!("CARGO_BIN_EXE_bench-server")));
    let mut raw = counting(Path::new(env!("CARGO_BIN_EXE_raw-server")));
    raw.args(["--request-bytes", &canned.asked_bytes().to_string()])
        .args(["--reply", &canned.canned_answer()]);
    let figures = |instructions| Figures {
        instructions: Some(instructions),
        allocations: None,
    };
    Ok(vec![
        (
            "our whole server, `sum`, 1 x 64".to_owned(),
            figures(per_request(&ours, &exchange).await?),
        ),
        (
            "the raw server, 1 x 64".to_owned(),
            figures(per_request(&raw, &canned).await?),
        ),
    ])
}

async fn per_request(server: &Command, exchange: &Exchange) -> Result<f64, Box<dyn Error>> {
    const REQUESTS: u64 = 6400;
    let few = for_requests(server, exchange, REQUESTS).await?;
    let many = for_requests(server, exchange, 3 * REQUESTS).await?;
    Ok((many - few) as f64 / (2 * REQUESTS) as f64)
}

async fn for_requests(server: &Command, exchange: &Exchange, count: u64) -> Result<u64, Box<dyn Error>> {
    let mut command = tokio::process::Command::new(server.get_program());
    command.args(server.get_args());
    let server = Server::spawn("valgrind".to_owned(), command, Cores::All).await?;
    let mut load = Load::connect(server.address(), SHAPE, exchange).await?;
    load.run(Until::Count(count)).await?;
    counted_in(&server.finish().await?)
}

fn counting(program: &Path) -> Command {
    let mut command = Command::new("valgrind");
    command
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program);
    command
}

/// Valgrind ends with `==1234== Collected : 5678`.
fn counted_in(log: &str) -> Result<u64, Box<dyn Error>> {
    let line = log.lines().find_map(|line| line.split_once("Collected : "));
    let count = line.and_then(|(_, count)| count.trim().parse().ok());
    count.ok_or_else(|| format!("valgrind did not say what it counted:\n{log}").into())
}
