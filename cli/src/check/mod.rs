//! `nest-wire check`: whether a service is there, told by the exit status alone.

mod expectation;
mod wait;

use std::{path::PathBuf, time::Duration};

use clap::Args;
use nest_wire::{
    client::{CallError, TimeoutError},
    json::{Maybe, Object, Value},
    pattern::Pattern,
};
use tokio::time::Instant;

use crate::{
    call::{looked_up, pattern},
    caller::{Asked, Caller, ConnectOptions},
    data::Source,
    duration,
    failure::{Failure, STATUSES, Status},
    junit::Suite,
    metadata::{MetadataOptions, with_metadata},
};
use expectation::Expectations;
use wait::until_well;

/// Check that a service is there, and answers if it is asked something
///
/// Prints nothing when all is well: for health checks of containers and for scripts that wait.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_help = format!("{EXAMPLES}{STATUSES}"))]
pub(crate) struct Check {
    /// How long it may take, connecting and the answer together
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration::parse)]
    timeout: Duration,
    /// Try again until all is well, for this long
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    wait: Option<Duration>,
    /// What the answer has to be, by value; of several values the last
    #[arg(long, value_name = "JSON", requires = "pattern")]
    expect: Option<String>,
    /// What a part of the answer has to be: /status='"ok"'; repeatable
    #[arg(long, value_name = "POINTER=JSON", requires = "pattern")]
    expect_at: Vec<String>,
    /// Write a report for CI, as JUnit does
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    #[command(flatten)]
    metadata: MetadataOptions,
    #[command(flatten)]
    connect: ConnectOptions,
    /// What to ask: JSON if it begins with { or [, else a string
    ///
    /// Any answer will do but an error. Without a pattern, connecting is enough.
    #[arg(allow_negative_numbers = true)]
    pattern: Option<String>,
    /// The data: JSON, @FILE, or - for standard input; {} if absent
    #[arg(allow_negative_numbers = true)]
    data: Option<Source>,
}

const EXAMPLES: &str = "\
Examples:
  nest-wire check localhost:8888
  nest-wire check --timeout 1s localhost:8888 health
  nest-wire check --wait 30s --expect-at /status='\"ok\"' localhost:8888 health

";

/// What is asked at each attempt.
struct Question {
    pattern: Pattern,
    data: Value,
    metadata: Option<Value>,
    expectations: Expectations,
}

pub(crate) async fn run(check: Check) -> Result<(), Failure> {
    let question = check.question()?;
    let begun = Instant::now();
    let attempt = |limit: Duration| check.attempt(question.as_ref(), limit.min(check.timeout));
    let outcome = match check.wait {
        Some(wait) => until_well(wait, attempt).await,
        None => attempt(Duration::MAX).await,
    };
    match &check.junit {
        Some(path) if !is_usage(&outcome) => {
            let mut suite = Suite::new("nest-wire check");
            let failed = outcome
                .as_ref()
                .err()
                .map(|failure| failure.message().unwrap_or_default());
            suite.add(&check.name(), begun.elapsed(), failed);
            let written = suite.write(path);
            outcome.and(written)
        }
        _ => outcome,
    }
}

fn is_usage(outcome: &Result<(), Failure>) -> bool {
    matches!(outcome, Err(failure) if failure.status() == Status::Usage)
}

impl Check {
    /// Reads what was typed. Returns `None` if connecting is enough.
    fn question(&self) -> Result<Option<Question>, Failure> {
        let Some(text) = &self.pattern else {
            return Ok(None);
        };
        Ok(Some(Question {
            pattern: pattern("PATTERN", text)?,
            metadata: self.metadata.read()?,
            expectations: Expectations::read(self.expect.as_deref(), &self.expect_at)?,
            data: match &self.data {
                Some(source) => source.read()?,
                None => Value::Object(Object::default()),
            },
        }))
    }

    /// Connects, and asks if there is a question. Takes `limit` at most.
    async fn attempt(&self, question: Option<&Question>, limit: Duration) -> Result<(), Failure> {
        let begun = Instant::now();
        let mut options = self.connect.clone();
        options.connect_timeout = options.connect_timeout.min(limit);
        let caller = Caller::new(&options, limit)?;
        caller.connect().await?;
        let Some(question) = question else {
            return Ok(());
        };
        let request = caller.request(question.pattern.clone()).data(&question.data);
        let request = with_metadata(request, question.metadata.as_ref());
        let left = limit.saturating_sub(begun.elapsed());
        let answer = request.timeout(left).send::<Maybe<Value>>().await;
        let answer = answer.map_err(|error| match error {
            // The limit that was set, of which connecting has taken a part.
            CallError::Timeout(_) => CallError::Timeout(TimeoutError::new(limit)),
            error => error,
        });
        let answer = answer.map_err(|error| self.failure(&caller, question, &error))?;
        match question.expectations.fault(answer.into_option().as_ref()) {
            None => Ok(()),
            Some(fault) => Err(Failure::new(
                Status::Unwanted,
                format_args!("{} {fault}", question.pattern),
            )),
        }
    }

    fn failure(&self, caller: &Caller, question: &Question, error: &CallError) -> Failure {
        let route = looked_up(&question.pattern, self.connect.nest);
        caller.failure(error, &Asked::Message { route, values: 0 })
    }

    fn name(&self) -> String {
        match &self.pattern {
            Some(pattern) => format!("{} answers {pattern}", self.connect.address),
            None => format!("{} accepts", self.connect.address),
        }
    }
}
