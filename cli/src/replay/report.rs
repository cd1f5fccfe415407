//! What a replay found, for people, for programs and for CI.

use std::{fs, io::Write, path::Path, time::Duration};

use anstyle::{AnsiColor, Color, Style};
use quick_junit::{NonSuccessKind, Report as JUnit, TestCase, TestCaseStatus, TestSuite};
use serde::Serialize;

use crate::{
    compare::Difference,
    failure::{Failure, Status, file_reason},
    plural::counted,
    traffic::text::{cut, json_line, printable, seconds},
};

/// Maximum width, in columns, of a value that is shown.
const SHOWN: usize = 60;
/// Maximum number of test cases in the JUnit file; those that fail are always among them.
const MAX_CASES: usize = 100_000;

const ERROR: Style = Style::new().fg_color(Some(Color::Ansi(AnsiColor::Red)));

/// Counts, and says what differs as soon as it is found.
pub(super) struct Report {
    is_json: bool,
    junit: Option<TestSuite>,
    /// Calls that were compared.
    pub(super) compared: u64,
    /// Calls that differ.
    pub(super) differ: u64,
    /// Calls that had no whole answer when they were recorded.
    pub(super) unanswered: u64,
    /// Events sent.
    pub(super) events: u64,
    /// Broken frames sent.
    pub(super) broken: u64,
    /// Connections lost while calls waited.
    pub(super) lost: u64,
}

/// A call in the words of the report.
pub(super) struct Call<'c> {
    pub(super) number: u64,
    pub(super) pattern: &'c str,
    pub(super) data: &'c str,
    /// When it was recorded.
    pub(super) at: Option<Duration>,
}

/// How a call differs.
pub(super) enum Fault {
    /// Fields of a reply.
    Fields(Vec<Difference>),
    /// Anything else, in words.
    Words(String),
}

impl Report {
    pub(super) fn new(is_json: bool, has_junit: bool) -> Self {
        Self {
            is_json,
            junit: has_junit.then(|| TestSuite::new("nest-wire replay")),
            compared: 0,
            differ: 0,
            unanswered: 0,
            events: 0,
            broken: 0,
            lost: 0,
        }
    }

    /// Adds a call that was compared; it is as recorded if there are no faults.
    pub(super) fn call(&mut self, call: &Call<'_>, faults: &[Fault]) -> Result<(), Failure> {
        self.compared += 1;
        self.differ += u64::from(!faults.is_empty());
        if let Some(suite) = self.junit.as_mut()
            && (!faults.is_empty() || suite.test_cases.len() < MAX_CASES)
        {
            suite.add_test_case(test_case(call, faults));
        }
        if faults.is_empty() {
            return Ok(());
        }
        let text = match self.is_json {
            true => json_lines(call, faults),
            false => lines(call, faults),
        };
        // Whole at once: `| head` must not cut a line.
        Ok(anstream::stdout().write_all(text.as_bytes())?)
    }

    /// Says how it went.
    pub(super) fn finish(&self, took: Duration) -> Result<(), Failure> {
        let Self {
            compared,
            differ,
            events,
            ..
        } = *self;
        if self.is_json {
            let line = json_line(&JsonTotal {
                r#type: "total",
                calls: compared,
                differ,
                unanswered_when_recorded: self.unanswered,
                events,
                broken: self.broken,
                lost_connections: self.lost,
                seconds: seconds(took),
            });
            writeln!(std::io::stdout(), "{line}")?;
            return Ok(());
        }
        let mut stdout = std::io::stdout();
        if self.unanswered > 0 {
            let calls = counted(self.unanswered, "call");
            let verb = if self.unanswered == 1 { "was" } else { "were" };
            writeln!(stdout, "{calls} {verb} not answered when recorded: not compared")?;
        }
        if self.broken > 0 {
            let frames = counted(self.broken, "broken frame");
            writeln!(stdout, "{frames} sent as recorded; --skip-broken leaves them out")?;
        }
        let verb = if differ == 1 { "differs" } else { "differ" };
        let mut line = format!(
            "{}, {} as recorded, {differ} {verb}",
            counted(compared, "call"),
            compared - differ
        );
        if events > 0 {
            line += &format!("; {} sent (nobody answers those)", counted(events, "event"));
        }
        writeln!(stdout, "{line}; {:.1} s", took.as_secs_f64())?;
        Ok(())
    }

    /// Writes the JUnit file.
    pub(super) fn write_junit(self, path: &Path) -> Result<(), Failure> {
        let mut report = JUnit::new("nest-wire");
        report.add_test_suites(self.junit);
        let text = report.to_string().expect("texts can be written as XML");
        fs::write(path, text).map_err(|error| {
            Failure::new(
                Status::Unwritable,
                format!("{}: {}", path.display(), file_reason(&error)),
            )
        })
    }
}

fn title(call: &Call<'_>) -> String {
    cut(&printable(&format!("{} {}", call.pattern, call.data)), SHOWN)
}

fn lines(call: &Call<'_>, faults: &[Fault]) -> String {
    let recorded = call
        .at
        .map(|at| format!(", recorded at {:.6}", at.as_secs_f64()))
        .unwrap_or_default();
    let mut text = format!("  {ERROR}✗{ERROR:#} {}   call {}{recorded}\n", title(call), call.number);
    for fault in faults {
        text += &fault_lines(fault);
    }
    text
}

fn fault_lines(fault: &Fault) -> String {
    match fault {
        Fault::Words(words) => format!("      {}\n", printable(words)),
        Fault::Fields(fields) => fields
            .iter()
            .map(
                |Difference {
                     pointer,
                     recorded,
                     came,
                 }| {
                    let shown = |value: &str| cut(&printable(value), SHOWN);
                    format!(
                        "      {:<19} {}  ->  {}\n",
                        printable(pointer),
                        shown(recorded),
                        shown(came)
                    )
                },
            )
            .collect(),
    }
}

/// A line for programs: the order of its members is fixed, `type` first.
#[derive(Serialize)]
struct JsonFault<'f> {
    r#type: &'static str,
    call: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<f64>,
    pattern: &'f str,
    data: &'f str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<&'f str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recorded: Option<&'f str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    came: Option<&'f str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<&'f str>,
}

/// The last line for programs.
#[derive(Serialize)]
struct JsonTotal {
    r#type: &'static str,
    calls: u64,
    differ: u64,
    unanswered_when_recorded: u64,
    events: u64,
    broken: u64,
    lost_connections: u64,
    seconds: f64,
}

fn json_lines(call: &Call<'_>, faults: &[Fault]) -> String {
    let line = |fault: &Fault| match fault {
        Fault::Words(words) => line_of(&JsonFault {
            fault: Some(words),
            ..JsonFault::of(call, "fault")
        }),
        Fault::Fields(fields) => fields.iter().map(|field| difference(call, field)).collect(),
    };
    faults.iter().map(line).collect()
}

fn line_of(fault: &JsonFault<'_>) -> String {
    json_line(fault) + "\n"
}

fn difference(call: &Call<'_>, field: &Difference) -> String {
    line_of(&JsonFault {
        pointer: Some(&field.pointer),
        recorded: Some(&field.recorded),
        came: Some(&field.came),
        ..JsonFault::of(call, "difference")
    })
}

impl<'f> JsonFault<'f> {
    fn of(call: &Call<'f>, kind: &'static str) -> Self {
        Self {
            r#type: kind,
            call: call.number,
            at: call.at.map(seconds),
            pattern: call.pattern,
            data: call.data,
            pointer: None,
            recorded: None,
            came: None,
            fault: None,
        }
    }
}

fn test_case(call: &Call<'_>, faults: &[Fault]) -> TestCase {
    let status = if faults.is_empty() {
        TestCaseStatus::success()
    } else {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        let text: String = faults.iter().map(fault_lines).collect();
        status
            .set_message("the answer differs from the recorded one")
            .set_description(text);
        status
    };
    TestCase::new(format!("call {}: {}", call.number, title(call)), status)
}
