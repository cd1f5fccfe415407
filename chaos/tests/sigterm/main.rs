//! SIGTERM under load: a service with a slow call in flight loses no call and no event before it
//! closes.
//!
//! The close is the time at which the caller sees the end of its connection. Packets that the
//! caller sent in the last [`CROSSING`] before may have crossed the close, since TCP does not
//! announce it. Packets sent later are refused. A caller on a busy machine sees the close as late
//! as it sees its replies, so both bounds grow with its waits.

mod certificates;
mod ours;

use std::{io, time::Duration};

use nest_wire_chaos::{
    Child, Journal,
    child::{Lines, tell},
    process::{self, Signal},
};
use nest_wire_harness::{Harness, Service};
use serde::Deserialize;
use tokio::{process::Command, sync::Semaphore, time::timeout};

use certificates::Certificates;

/// Time before the close in which packets may cross it, in milliseconds.
const CROSSING: f64 = 50.0;

/// The line that the service prints after three seconds of load. That is as long as the slow call
/// lasts, so the waits of these calls show how long the later ones wait on this machine.
const LOADED: &str = "m 601";

/// Maximum wait of a call on an idle machine, in milliseconds.
const PROMPT: f64 = 100.0;

/// Maximum time for any step on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// Number of tests that run at once, because they measure how long calls wait.
static PLACES: Semaphore = Semaphore::const_new(2);

/// The outcome of a call or an event. Times are in milliseconds of the caller's clock.
#[derive(Debug, Deserialize)]
struct Record(u64, Kind, f64, Option<f64>, Option<String>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Call,
    Event,
    Slow,
}

/// The report that a caller prints at its end.
#[derive(Debug, Deserialize)]
struct Report {
    closed: Option<f64>,
    records: Vec<Record>,
}

/// Starts our service, with its default limits.
async fn service(flags: &[String]) -> Service {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chaos"));
    command.arg("serve").args(flags);
    Service::start("our service", command).await.expect("it listens")
}

/// Sends SIGTERM to the service, waits until it has ended, and returns its journal.
async fn terminate(mut service: Service) -> io::Result<Journal> {
    process::send(service.id().expect("it runs"), Signal::SIGTERM)?;
    let status = service.ended().await?;
    assert!(status.success(), "{status}: {}", service.log());
    let mut journal = Journal::default();
    journal.add("our service", service.output().iter().map(String::as_str));
    Ok(journal)
}

async fn next(lines: &mut Lines, child: &Child) -> String {
    let line = timeout(PATIENCE, lines.recv())
        .await
        .expect("it says something in time");
    line.unwrap_or_else(|| panic!("the caller has ended: {}", child.complaints()))
}

/// Runs the load of a Nest caller while its service receives SIGTERM.
async fn nest_loses_nothing(major: u8, certificates: Option<&Certificates>) {
    let _place = PLACES.acquire().await.expect("nobody closes it");
    let harness = Harness::find().expect("a checkout");
    harness.install(&[major], |_| {}).await.expect("npm works");
    let service = service(&certificates.map(Certificates::of_service).unwrap_or_default()).await;
    let mut command = Command::new("node");
    command
        .arg(harness.checkout().join("node-harness/apps/chaos-load.mjs"))
        .args([
            "--nest",
            &major.to_string(),
            "--port",
            &service.address().port().to_string(),
        ])
        .args(certificates.map(Certificates::of_caller).unwrap_or_default());
    let (child, mut stdin, mut lines) = Child::start(format!("Nest {major}"), command).expect("node runs");
    assert_eq!(next(&mut lines, &child).await, r#"{"ready":true}"#);
    service.wait_for_line(LOADED).await.expect("the load is there");
    tell(&mut stdin, "slow").await.expect("it listens");
    let slow = next(&mut lines, &child).await;
    let slow = slow.trim_start_matches(r#"{"slow":"#).trim_end_matches('}').to_owned();
    service
        .wait_for_line(&format!("m {slow}"))
        .await
        .expect("it is at work");

    let journal = terminate(service).await.expect("it ends");
    let report: Report = serde_json::from_str(&next(&mut lines, &child).await).expect("a report");
    check(&report, &journal, major);
}

/// Checks every call and every event.
fn check(report: &Report, journal: &Journal, major: u8) {
    let closed = report.closed.expect("the service has closed the connection");
    let slow = report
        .records
        .iter()
        .find(|record| record.1 == Kind::Slow)
        .expect("a slow call");
    assert_eq!(slow.4, None, "the slow call failed");
    let slow_ended = slow.3.expect("the slow call is answered");
    let waits = |record: &Record| record.3.map(|ended| ended - record.2);
    let before = report
        .records
        .iter()
        .filter(|record| record.3.is_some_and(|ended| ended < slow.2));
    let worst_before = before.filter_map(waits).fold(0.0, f64::max);
    let limit = PROMPT.max(3.0 * worst_before);
    let crossing = CROSSING.max(3.0 * worst_before);
    assert!(
        slow_ended <= closed + crossing,
        "the slow call was answered after the end"
    );

    let mut broken = Vec::new();
    for record @ Record(number, kind, begun, ended, error) in &report.records {
        let times = journal.times(*number);
        let is_in_time = *begun < closed - crossing;
        let is_crossing = !is_in_time && *begun < closed;
        let is_lost = match kind {
            Kind::Call | Kind::Slow => is_in_time && (ended.is_none() || error.is_some()),
            Kind::Event => is_in_time && (error.is_some() || times == 0),
        };
        // Majors 7 and 8 never end a call whose connection has ended.
        let hangs = ended.is_none() && !(is_crossing && major <= 8);
        let is_late = *kind == Kind::Call && waits(record).is_some_and(|wait| wait > limit);
        if is_lost || hangs || is_late || times > 1 {
            broken.push(format!(
                "lost {is_lost}, hangs {hangs}, late {is_late}, handled {times} times: {record:?}"
            ));
        }
    }
    let (count, all) = (broken.len(), report.records.len());
    let shown: Vec<_> = broken.iter().take(10).collect();
    assert!(
        broken.is_empty(),
        "{count} of {all}; slow call from {} to {slow_ended}, end at {closed}, limit {limit} ms:\n{shown:#?}",
        slow.2
    );
}

macro_rules! on_each_major {
    ($($test:ident $major:literal),*) => {
        $(
            #[tokio::test]
            async fn $test() {
                nest_loses_nothing($major, None).await;
            }
        )*
    };
}

on_each_major! {
    nest_7_loses_nothing 7,
    nest_8_loses_nothing 8,
    nest_9_loses_nothing 9,
    nest_10_loses_nothing 10,
    nest_11_loses_nothing 11,
    nest_12_loses_nothing 12
}

#[tokio::test]
async fn nest_loses_nothing_under_tls() {
    let certificates = Certificates::new();
    nest_loses_nothing(12, Some(&certificates)).await;
}
