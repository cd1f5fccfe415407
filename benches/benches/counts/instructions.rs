//! Counts instructions with valgrind: the instructions of a process for more work, less those for
//! less work.

use std::{
    error::Error,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use nest_wire_benches::{
    counted::Work,
    load::{Exchange, Load, Shape, Until},
    peers::{self, Binaries, Cores, Server},
};

use super::document::Figures;

/// The shape of one Nest `ClientProxy`.
const SHAPE: Shape = Shape {
    connections: 1,
    in_flight: 64,
};

/// Returns whether valgrind is installed.
pub(crate) fn can_be_counted() -> bool {
    let mut valgrind = Command::new("valgrind");
    valgrind.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    valgrind.status().is_ok_and(|status| status.success())
}

/// Returns the number of instructions for each unit of the work.
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

/// Returns the number of instructions for each request of whole servers, over sockets: ours and the
/// raw one.
pub(crate) async fn of_servers() -> Result<Vec<(String, Figures)>, Box<dyn Error>> {
    let exchange = Exchange::request("\"sum\"", "[1,2,3]").answered("6");
    let canned = exchange.clone().canned();
    let ours = counting(Path::new(env!("CARGO_BIN_EXE_bench-server")));
    let mut raw = counting(Path::new(env!("CARGO_BIN_EXE_raw-server")));
    raw.args(["--request-bytes", &canned.asked_bytes().to_string()])
        .args(["--reply", &canned.canned_answer()]);
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

/// Returns the number of instructions of our whole client, over sockets, for each call and for each
/// event.
pub(crate) async fn of_client() -> Result<Vec<(String, Figures)>, Box<dyn Error>> {
    let binaries = Binaries {
        ours: env!("CARGO_BIN_EXE_bench-server").into(),
        raw: env!("CARGO_BIN_EXE_raw-server").into(),
    };
    let exchange = Exchange::request("\"sum\"", "[1,2,3]").answered("6");
    let raw = Server::start_raw_with_ids(&binaries, &exchange, Cores::All).await?;
    let ours = Server::start(peers::Kind::Ours { workers: 1 }, &binaries, &exchange, Cores::All).await?;
    Ok(vec![
        (
            "our whole client, `sum`, 64 in flight".to_owned(),
            figures(per_call(&raw, &[])?),
        ),
        (
            "our whole client, events, 64 in flight".to_owned(),
            figures(per_call(&ours, &["--emit"])?),
        ),
    ])
}

fn per_call(server: &Server, options: &[&str]) -> Result<f64, Box<dyn Error>> {
    const CALLS: u64 = 6400;
    let few = for_calls(server, options, CALLS)?;
    let many = for_calls(server, options, 3 * CALLS)?;
    Ok((many - few) as f64 / (2 * CALLS) as f64)
}

fn for_calls(server: &Server, options: &[&str], count: u64) -> Result<u64, Box<dyn Error>> {
    let mut client = counting(Path::new(env!("CARGO_BIN_EXE_bench-client")))
        .args(["--port", &server.address().port().to_string()])
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut input = client.stdin.take().ok_or("no standard input")?;
    writeln!(input, "{count}")?;
    drop(input);
    counted_in(&String::from_utf8_lossy(&client.wait_with_output()?.stderr))
}

fn figures(instructions: f64) -> Figures {
    Figures {
        instructions: Some(instructions),
        allocations: None,
    }
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

/// Parses valgrind's log, which ends with `==1234== Collected : 5678`.
fn counted_in(log: &str) -> Result<u64, Box<dyn Error>> {
    let line = log.lines().find_map(|line| line.split_once("Collected : "));
    let count = line.and_then(|(_, count)| count.trim().parse().ok());
    count.ok_or_else(|| format!("valgrind did not say what it counted:\n{log}").into())
}
