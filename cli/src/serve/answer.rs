//! Where answers come from, and how one is sent.

use std::{rc::Rc, time::Duration};

use nest_wire::{
    json::{self, Value},
    packet::{RawJson, RpcError},
};
use tokio::time::sleep;

use super::{
    call::Call,
    connection::{Replies, raw},
    program::Program,
    rules::{Asked, Reply, Rule},
    service::SharedRules,
    template::{Known, Template},
};
use crate::{failure::say, faults::Fail, traffic::text::printable};

/// Where answers come from.
pub(super) enum Source {
    Rules(SharedRules),
    Program(Rc<Program>),
    Echo,
}

/// The answer to one call.
pub(super) enum Answer {
    Canned(Canned),
    Program(Rc<Program>),
    Echo,
}

/// What a rule answers to one call: rules may be replaced while it is sent.
pub(super) struct Canned {
    replies: Vec<Value>,
    /// `None` if there is no last value to send with the end.
    last: Option<Value>,
    error: Option<RawJson>,
    after: Duration,
    every: Duration,
    fail: Option<Fail>,
    is_shown: bool,
}

impl Source {
    /// Returns the answer, or `None` if nothing answers such a request.
    pub(super) fn answer(&self, call: &Call, asked: &Asked<'_>) -> Option<Answer> {
        match self {
            Self::Program(program) => Some(Answer::Program(Rc::clone(program))),
            Self::Echo => Some(Answer::Echo),
            Self::Rules(rules) => {
                let rules = rules.borrow();
                let (rule, n) = rules.find(asked)?;
                let parsed = |raw: &Option<RawJson>| raw.as_ref().and_then(|raw| json::parse(raw.as_str()).ok());
                let (metadata, pattern) = (parsed(&call.packet.metadata), parsed(&call.packet.pattern));
                let known = Known {
                    data: asked.data,
                    metadata: metadata.as_ref(),
                    pattern: pattern.as_ref(),
                    n,
                };
                Some(Answer::Canned(Canned::of(rule, &known)))
            }
        }
    }

    /// Returns in words what would have been answered.
    pub(super) fn nearest(&self, asked: &Asked<'_>, pattern: &str) -> String {
        match self {
            Self::Rules(rules) => rules.borrow().nearest(asked, pattern),
            Self::Program(_) | Self::Echo => String::new(),
        }
    }
}

impl Canned {
    fn of(rule: &Rule, known: &Known<'_>) -> Self {
        let mut canned = Self {
            replies: Vec::new(),
            last: None,
            error: None,
            after: rule.after,
            every: Duration::ZERO,
            fail: rule.fail,
            is_shown: rule.is_shown,
        };
        if let Err(reason) = canned.render(&rule.reply, known) {
            say(format_args!(
                "error: {}: {}",
                printable(&rule.name()),
                printable(&reason)
            ));
            canned.error = Some(RpcError::internal().err().clone());
        }
        canned
    }

    fn render(&mut self, reply: &Reply, known: &Known<'_>) -> Result<(), String> {
        match reply {
            Reply::Value(value) => self.last = value.render(known)?,
            Reply::Error(error) => {
                let error = error.render(known)?.unwrap_or_default();
                let error = RpcError::from_value(&error).map_err(|error| error.to_string())?;
                self.error = Some(error.err().clone());
            }
            Reply::Values {
                values,
                every,
                ends_alone,
            } => {
                let value = |value: &Template| Ok(value.render(known)?.unwrap_or_default());
                self.replies = values.iter().map(value).collect::<Result<_, String>>()?;
                self.every = *every;
                if !ends_alone {
                    self.last = self.replies.pop();
                }
            }
        }
        Ok(())
    }

    async fn send(&self, call: &Call, replies: &Replies) {
        sleep(self.after).await;
        if let Some(error) = &self.error {
            return replies.error(call, error).await;
        }
        for (index, value) in self.replies.iter().enumerate() {
            if index > 0 {
                sleep(self.every).await;
            }
            replies.value(call, value).await;
        }
        if !self.replies.is_empty() && self.last.is_some() {
            sleep(self.every).await;
        }
        replies.last(call, self.last.as_ref().map(raw).as_ref()).await;
    }
}

impl Answer {
    pub(super) async fn send(&self, call: &Call, replies: &Replies) {
        match self {
            Self::Canned(canned) => canned.send(call, replies).await,
            Self::Program(program) => program.answer(call, replies).await,
            Self::Echo => {
                let data = call.packet.payload.as_ref();
                let value = data
                    .and_then(|data| json::parse(data.as_str()).ok())
                    .map(|data| raw(&data));
                replies.last(call, value.as_ref()).await;
            }
        }
    }

    /// Returns the failures that the rule itself asks for.
    pub(super) fn fail(&self) -> Option<Fail> {
        match self {
            Self::Canned(canned) => canned.fail,
            Self::Program(_) | Self::Echo => None,
        }
    }

    /// Returns true if its lines are shown.
    pub(super) fn is_shown(&self) -> bool {
        match self {
            Self::Canned(canned) => canned.is_shown,
            Self::Program(_) | Self::Echo => true,
        }
    }
}
