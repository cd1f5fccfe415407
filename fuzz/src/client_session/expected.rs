//! The effect of a script on the calls: a slow, obvious client.

use std::time::Duration;

use bytestring::ByteString;
use nest_wire::{
    Compat,
    codec::FrameDecoder,
    json,
    packet::{IncomingReply, RawJson, ReplyOutcome as Reply},
};

use super::{End, Outcome, played};
use crate::script::Step;

/// The calls and their outcomes.
pub(super) struct Expected<'s> {
    calls: Vec<Call<'s>>,
    compat: Compat,
}

struct Call<'s> {
    id: &'s str,
    is_stream: bool,
    timeout: Duration,
    deadline: Duration,
    values: Vec<String>,
    end: Option<End>,
}

impl<'s> Expected<'s> {
    /// Plays a script to calls with these ids, in the order of [`played::CALLS`].
    pub(super) fn of(script: &[Step], ids: &'s [String], compat: Compat) -> Self {
        let calls = ids.iter().zip(played::CALLS).map(|(id, (_, timeout))| Call {
            id,
            is_stream: false,
            timeout,
            deadline: timeout,
            values: Vec::new(),
            end: None,
        });
        let mut expected = Self {
            calls: calls.collect(),
            compat,
        };
        expected.calls[played::STREAM].is_stream = true;
        let mut decoder = FrameDecoder::default();
        let mut now = Duration::ZERO;
        for step in script {
            let is_open = match step {
                Step::Send(segment) => expected.take(&mut decoder, segment, now),
                Step::Wait => {
                    now += Duration::from_secs(1);
                    expected.expire(now);
                    true
                }
                Step::Close => false,
            };
            if !is_open {
                expected.calls.iter_mut().for_each(|call| call.end(End::Closed));
                break;
            }
        }
        expected.expire(Duration::MAX);
        expected
    }

    /// Returns the outcomes of all calls except the cancelled one.
    pub(super) fn outcomes(self) -> Vec<Outcome> {
        let calls = self.calls.into_iter().enumerate();
        let kept = calls.filter(|(call, _)| *call != played::GIVEN_UP);
        kept.map(|(_, call)| call.outcome()).collect()
    }

    /// Returns false if the segment breaks the framing.
    fn take(&mut self, decoder: &mut FrameDecoder, segment: &[u8], now: Duration) -> bool {
        decoder.push(segment);
        loop {
            match decoder.next_frame() {
                Ok(None) => return true,
                Ok(Some(text)) if self.deliver(&text, now) => {}
                _ => return false,
            }
        }
    }

    /// Returns false if the text is not JSON.
    fn deliver(&mut self, text: &ByteString, now: Duration) -> bool {
        let Ok(reply) = IncomingReply::read(text, self.compat) else {
            return false;
        };
        let id = reply.id.and_then(|id| json::parse(id.as_str()).ok());
        let call = self
            .calls
            .iter_mut()
            .find(|call| id.as_ref().and_then(json::Value::as_str) == Some(call.id));
        if let Some(call) = call {
            call.take(reply.outcome, now);
        }
        true
    }

    fn expire(&mut self, now: Duration) {
        let overdue = self.calls.iter_mut().filter(|call| call.deadline <= now);
        overdue.for_each(|call| call.end(End::TimedOut));
    }
}

impl Call<'_> {
    fn take(&mut self, reply: Reply, now: Duration) {
        if self.end.is_some() {
            return;
        }
        match reply {
            Reply::Value(value) => {
                self.value(value.as_ref());
                if self.is_stream {
                    self.deadline = now + self.timeout;
                }
            }
            Reply::Completed(value) => {
                if value.is_some() {
                    self.value(value.as_ref());
                }
                self.end(End::Completed);
            }
            Reply::Failed(err) => self.end(End::Failed(err.to_string())),
            other => panic!("an outcome that this test does not know: {other:?}"),
        }
    }

    fn value(&mut self, value: Option<&RawJson>) {
        if !self.is_stream {
            self.values.clear();
        }
        self.values
            .push(value.map_or_else(|| "null".to_owned(), RawJson::to_string));
    }

    fn end(&mut self, end: End) {
        self.end.get_or_insert(end);
    }

    fn outcome(self) -> Outcome {
        let end = self.end.expect("all calls have ended by now");
        let mut values = self.values;
        if !self.is_stream {
            match end {
                // A call without a value ends with an undefined one.
                End::Completed if values.is_empty() => values.push("null".to_owned()),
                End::Completed => {}
                _ => values.clear(),
            }
        }
        Outcome { values, end }
    }
}
