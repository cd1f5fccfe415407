//! The calls of one `send`: begun in turn, answered in the order of the questions.

use std::{
    collections::VecDeque,
    num::{NonZeroU64, NonZeroUsize},
};

use futures_util::StreamExt;
use nest_wire::{
    client::{CallError, ReplyStream},
    json::{Maybe, Value},
};

use super::{Send, output::Output};
use crate::{
    call::Ready,
    failure::{Failure, Status},
};

pub(super) struct Sending {
    calls: Ready,
    /// The calls that wait for their answers, the oldest first: its values are printed.
    waiting: VecDeque<Waiting>,
    /// The number of calls begun.
    begun: u64,
    /// False once there is no more data, or none that is of use.
    pub(super) has_more: bool,
    /// The status of all calls that are over.
    status: Status,
    in_flight: NonZeroUsize,
    max_values: Option<NonZeroU64>,
    is_json: bool,
    is_lines: bool,
}

struct Waiting {
    values: ReplyStream<Maybe<Value>>,
    output: Output,
}

/// What happens next.
pub(super) enum Step {
    /// There is data, and room for a call.
    Begin(Result<Value, Failure>),
    /// The oldest call has a value, or is over.
    Value(Option<Result<Maybe<Value>, CallError>>),
    NoMoreCalls,
    Over,
}

impl Sending {
    pub(super) fn new(send: Send) -> Result<Self, Failure> {
        Ok(Self {
            waiting: VecDeque::new(),
            begun: 0,
            has_more: true,
            status: Status::Enough,
            in_flight: send.in_flight,
            max_values: send.values,
            is_json: send.call.json,
            is_lines: send.call.lines,
            calls: send.call.ready()?,
        })
    }

    pub(super) async fn connect(&self) -> Result<(), Failure> {
        self.calls.caller.connect().await
    }

    pub(super) async fn step(&mut self) -> Step {
        let has_room = self.has_more && self.waiting.len() < self.in_flight.get();
        let oldest = self.waiting.front_mut();
        let (is_waiting, oldest) = (oldest.is_some(), async {
            match oldest {
                Some(call) => call.values.next().await,
                None => None,
            }
        });
        tokio::select! {
            // Data first: the calls that may be in flight are, before an answer is printed.
            biased;
            data = self.calls.data.next(), if has_room => data.map_or(Step::NoMoreCalls, Step::Begin),
            value = oldest, if is_waiting => Step::Value(value),
            else => Step::Over,
        }
    }

    /// Begins a call.
    pub(super) async fn begin(&mut self, data: Result<Value, Failure>) -> Result<(), Failure> {
        let data = data?;
        self.begun += 1;
        let output = Output::new(self.begun, self.is_json);
        match self.calls.request(&data).send_stream().await {
            Ok(values) => {
                self.waiting.push_back(Waiting { values, output });
                Ok(())
            }
            Err(error) => self.refused(&output, &error),
        }
    }

    /// Prints a value of the oldest call, or ends the call.
    pub(super) fn value(&mut self, value: Option<Result<Maybe<Value>, CallError>>) -> Result<(), Failure> {
        let Some(mut call) = self.waiting.pop_front() else {
            return Ok(());
        };
        match value {
            Some(Ok(value)) => call.output.value(value.into_option())?,
            Some(Err(error)) => return self.refused(&call.output, &error),
            None => {
                self.calls.caller.note(|| call.output.summary("completed"));
                return Ok(());
            }
        }
        if self.max_values.is_some_and(|max| call.output.values() == max.get()) {
            self.calls
                .caller
                .note(|| call.output.summary("the rest is not waited for"));
            return Ok(());
        }
        self.waiting.push_front(call);
        Ok(())
    }

    /// Returns the failure of a call, which is printed for programs.
    fn refused(&self, output: &Output, error: &CallError) -> Result<(), Failure> {
        let failure = self.calls.caller.failure(error, &self.calls.asked(output.values()));
        output.error(error, &failure)?;
        Err(match self.is_lines {
            true => failure.of_call(output.number()),
            false => failure,
        })
    }

    /// Prints a failure if the other calls go on.
    ///
    /// # Errors
    /// They do not.
    pub(super) fn failed(&mut self, failure: Failure) -> Result<(), Failure> {
        if !self.is_lines {
            return Err(failure);
        }
        failure.print();
        self.status = self.status.and(failure.status());
        match failure.status() {
            Status::Unwanted | Status::Late => Ok(()),
            // What was asked before the line that is no data is still answered.
            Status::Usage => {
                self.has_more = false;
                Ok(())
            }
            // Nobody is left to ask, or to print for.
            _ => Err(Failure::silent(self.status)),
        }
    }

    /// Returns the outcome of all calls.
    pub(super) fn end(&self) -> Result<(), Failure> {
        match self.status {
            Status::Enough => Ok(()),
            status => Err(Failure::silent(status)),
        }
    }
}
