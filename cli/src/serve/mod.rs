//! `nest-wire serve`: stands in for a service, with canned replies.

mod answer;
mod call;
mod connection;
mod jinja;
mod program;
mod reload;
mod rules;
mod screen;
mod service;
mod template;

use std::{cell::RefCell, ffi::OsString, path::PathBuf, rc::Rc, time::Duration};

use clap::Args;
use nest_wire::Compat;
use serde::Serialize;
use tokio::{sync::watch, task::LocalSet, time::timeout};

use crate::{
    caller::major,
    failure::{Failure, STATUSES, Status, say},
    faults::{FaultOptions, Faults},
    listen::announce,
    listen_address::ListenAddress,
    plural::counted,
    record::tls::ListenTls,
    relay::accept::Acceptor,
    signals,
    traffic::text::{json_line, printable},
};
use answer::Source;
use program::Program;
use reload::RulesFile;
use rules::Rules;
use screen::{Screen, Writing};
use service::{Counts, Service};

/// Stand in for a service, with canned replies
///
/// Answers by the rules of a file, which is read again when it changes, by a program, or with
/// the data itself. Without any of them it is the tutorial's service: sum, and the event log.
/// Ctrl-C ends it well: calls are finished, and rules that never ran are named.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_help = format!("{RULES}{STATUSES}"))]
pub(crate) struct Serve {
    /// Where to listen
    #[arg(long, value_name = "ADDRESS", default_value = "localhost:8888")]
    listen: ListenAddress,
    /// The file of rules, or - to read them once from standard input
    #[arg(long, value_name = "FILE", group = "source")]
    replies: Option<PathBuf>,
    /// Run a program for each message: data on its standard input, NEST_PATTERN, NEST_ID and NEST_METADATA around it, each line of JSON that it prints is a value; the last option
    #[arg(long, value_name = "PROGRAM", group = "source", num_args = 1.., allow_hyphen_values = true)]
    command: Option<Vec<OsString>>,
    /// Answer each message with its data
    #[arg(long, group = "source")]
    echo: bool,
    /// Status 1 at the end if a request was unknown or a rule never ran
    #[arg(long)]
    strict: bool,
    /// End after this number of requests; events do not count
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    until: Option<u64>,
    /// Follow this major of Nest, 7 to 12, instead of the newest
    #[arg(long, value_name = "MAJOR", value_parser = major)]
    nest: Option<Compat>,
    /// Print lines of JSON, for programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    faults: FaultOptions,
    #[command(flatten)]
    tls: ListenTls,
}

const RULES: &str = r#"Rules are a JSON array, // comments allowed. The first that wants what a request has
answers; rules that want the same answer in turn, and the last goes on:
  [ {"pattern":"sum", "value":"{{ data | sum }}"},
    {"pattern":"count", "values":[1,2,3], "every":"100ms", "complete":"alone"},
    {"pattern":"find", "when":{"/id":42}, "value":{"name":"Ada"}, "after":"20ms"},
    {"pattern":"find", "error":{"code":404,"message":"no user {{ data.id }}"}},
    {"pattern":"flaky", "value":1, "fail":{"share":0.1,"how":"close"}},
    {"event":"log", "print":false} ]

"#;

/// The service of Nest's tutorial.
const TUTORIAL: &str = r#"[{"pattern":"sum","value":"{{ data | sum }}"}, {"event":"log"}]"#;
/// Maximum time for calls to be finished at the end.
const GOODBYE: Duration = Duration::from_secs(5);

impl Serve {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let compat = self.nest.unwrap_or_default();
        let mut file = self.replies.clone().map(|path| RulesFile::new(path, compat));
        let source = self.source(file.as_mut(), compat)?;
        let acceptor = Acceptor::bind(&self.listen, &self.tls).await?;
        // Before the line that scripts wait for: from here on, a signal ends it well.
        let stopped = signals::first();
        let faults = Faults::new(self.faults.clone());
        announce(&acceptor.addresses()?);
        let (screen, writing) = Screen::new(self.json);
        let service = Rc::new(Service {
            source,
            compat,
            faults,
            screen: Rc::new(screen),
            until: self.until,
            stop: watch::channel(false).0,
            counts: Counts::default(),
        });
        let running = self.serve(service, acceptor, file, stopped, writing);
        LocalSet::new().run_until(running).await
    }

    fn source(&self, file: Option<&mut RulesFile>, compat: Compat) -> Result<Source, Failure> {
        if self.echo {
            return Ok(Source::Echo);
        }
        if let Some(command) = &self.command {
            return Ok(Source::Program(Program::new(command.clone())?));
        }
        let rules = match file {
            Some(file) => file.read()?,
            None => Rules::read(TUTORIAL, compat).expect("the tutorial's rules are rules"),
        };
        Ok(Source::Rules(RefCell::new(rules)))
    }

    async fn serve(
        &self,
        service: Rc<Service>,
        acceptor: Acceptor,
        file: Option<RulesFile>,
        stopped: impl Future<Output = signals::Signal>,
        writing: Writing,
    ) -> Result<(), Failure> {
        let mut running = Box::pin(Rc::clone(&service).run(acceptor));
        let mut stop = service.stop.subscribe();
        let has_ended = tokio::select! {
            () = &mut running => true,
            () = reload(&service, file) => false,
            _ = stop.wait_for(|stop| *stop) => false,
            _ = stopped => {
                service.stop.send_replace(true);
                false
            }
        };
        if !has_ended {
            let drained = tokio::select! {
                drained = timeout(GOODBYE, &mut running) => drained,
                signal = signals::first() => return Err(Failure::stopped(signal, "calls were still being answered")),
            };
            if drained.is_err() {
                say("some calls were not finished within 5 s");
            }
        }
        let summary = self.summary(&service);
        service.screen.json(|| json_line(&summary));
        // The screen ends with the last of its users; what is said comes after its lines.
        drop((running, service));
        writing.end().await;
        self.verdict(&summary)
    }

    fn summary(&self, service: &Service) -> Summary {
        let unused = match &service.source {
            Source::Rules(rules) if self.replies.is_some() => rules.borrow().unused().map(rules::Rule::name).collect(),
            _ => Vec::new(),
        };
        let counts = &service.counts;
        Summary {
            r#type: "summary",
            requests: counts.requests.get(),
            events: counts.events.get(),
            unknown: counts.unknown.get(),
            failed: counts.failed.get(),
            unused,
        }
    }

    /// Says what happened, and which rules never ran.
    fn verdict(&self, summary: &Summary) -> Result<(), Failure> {
        let Summary {
            requests,
            events,
            unknown,
            failed,
            ..
        } = summary;
        say(format_args!(
            "{}, {}, {unknown} unknown, {failed} made to fail",
            counted(*requests, "request"),
            counted(*events, "event")
        ));
        if !summary.unused.is_empty() {
            say(format_args!("never used: {}", printable(&summary.unused.join(", "))));
        }
        match self.strict && (*unknown > 0 || !summary.unused.is_empty()) {
            true => Err(Failure::silent(Status::Unwanted)),
            false => Ok(()),
        }
    }
}

/// The last line for programs.
#[derive(Serialize)]
struct Summary {
    r#type: &'static str,
    requests: u64,
    events: u64,
    unknown: u64,
    failed: u64,
    unused: Vec<String>,
}

/// Replaces the rules each time that their file changes.
async fn reload(service: &Service, file: Option<RulesFile>) {
    match file {
        None => std::future::pending().await,
        Some(mut file) => loop {
            service.replace(file.changed().await);
        },
    }
}
