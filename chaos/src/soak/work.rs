//! One caller of the soak. It makes one call after the other and checks every reply.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use fastrand::Rng;
use futures_util::{FutureExt, StreamExt};
use nest_wire::client::{CallError, Client};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::Shared;
use crate::numbers::answer;

/// Number of calls between two updates of the shared count.
const BATCH: u64 = 64;

pub(super) struct Worker {
    client: Client,
    shared: Arc<Shared>,
    random: Rng,
}

#[derive(Debug, Serialize)]
struct Asked {
    n: u64,
    ms: u64,
    count: u64,
}

#[derive(Debug, Deserialize)]
struct Answered {
    n: u64,
    answer: u64,
}

#[derive(Debug, Deserialize)]
struct Item {
    n: u64,
    i: u64,
}

/// The result of a call: an error describes what was wrong.
type Checked = Result<(), String>;

impl Worker {
    pub(super) fn new(client: Client, shared: Arc<Shared>, seed: u64) -> Self {
        let random = Rng::with_seed(seed);
        Self { client, shared, random }
    }

    pub(super) async fn run(mut self) -> Checked {
        while !self.shared.is_over.load(Relaxed) {
            for _ in 0..BATCH {
                self.call().await?;
            }
            self.shared.done.fetch_add(BATCH, Relaxed);
        }
        Ok(())
    }

    /// Makes one call. Of 4,000 calls, 3,840 are small.
    async fn call(&mut self) -> Checked {
        match self.random.u32(..4000) {
            0..40 => self.echo(false).await,
            40 => self.echo(true).await,
            41..61 => self.whole_stream(5).await,
            61 => self.whole_stream(1000).await,
            62..66 => self.dropped_stream().await,
            66..86 => self.error().await,
            86..146 => self.event().await,
            146..156 => self.dropped_call().await,
            156..160 => self.late_call().await,
            _ => self.small().await,
        }
    }

    fn asked(&mut self, ms: u64, count: u64) -> Asked {
        let n = self.random.u64(..1 << 40);
        Asked { n, ms, count }
    }

    pub(super) async fn small(&mut self) -> Checked {
        let asked = self.asked(0, 0);
        let answered = self.client.send::<Answered>("ask", &asked).await;
        check(&asked, answered)
    }

    async fn echo(&mut self, is_large: bool) -> Checked {
        let text = self.shared.payloads.draw(is_large, &mut self.random);
        match self.client.send::<String>("echo", text).await {
            Ok(echo) if echo == text => Ok(()),
            Ok(echo) => Err(format!("of {} bytes, {} came back, or others", text.len(), echo.len())),
            Err(error) => Err(format!("echo of {} bytes: {error:?}", text.len())),
        }
    }

    async fn whole_stream(&mut self, count: u64) -> Checked {
        let asked = self.asked(0, count);
        let came = self.values(&asked, count + 1).await?;
        if came == count {
            Ok(())
        } else {
            Err(format!("{came} of {count} values"))
        }
    }

    async fn dropped_stream(&mut self) -> Checked {
        let asked = self.asked(0, 500);
        let taken = self.random.u64(..100);
        self.values(&asked, taken).await.map(drop)
    }

    /// Takes this number of values, checks them, and drops the stream. Returns the number of
    /// received values.
    async fn values(&mut self, asked: &Asked, taken: u64) -> Result<u64, String> {
        let told = |error: CallError| format!("a stream: {error:?}");
        let mut replies = self.client.send_stream::<Item>("values", asked).await.map_err(told)?;
        for expected in 0..taken {
            match replies.next().await {
                Some(Ok(Item { n, i })) if n == asked.n && i == expected => {}
                Some(Ok(item)) => return Err(format!("{item:?} instead of value {expected} of {asked:?}")),
                Some(Err(error)) => return Err(told(error)),
                None => return Ok(expected),
            }
        }
        Ok(taken)
    }

    async fn error(&mut self) -> Checked {
        let asked = self.asked(0, 0);
        match self.client.send::<()>("fail", &asked).await {
            Err(CallError::Rpc(error)) if error.message() == Some(format!("failed {}", asked.n)) => Ok(()),
            other => Err(format!("an error was asked for, and {other:?} came")),
        }
    }

    async fn event(&mut self) -> Checked {
        let asked = self.asked(0, 0);
        let sent = self.client.emit("note", &asked).await;
        sent.map_err(|error| format!("an event: {error:?}"))
    }

    /// Drops a call immediately or soon after it was made.
    async fn dropped_call(&mut self) -> Checked {
        let asked = self.asked(2, 0);
        let call = self.client.send::<Answered>("slow", &asked);
        let answered = match self.random.bool() {
            true => call.now_or_never(),
            false => timeout(Duration::from_millis(1), call).await.ok(),
        };
        answered.map_or(Ok(()), |answered| check(&asked, answered))
    }

    /// Makes a call whose reply most probably arrives too late.
    async fn late_call(&mut self) -> Checked {
        let asked = self.asked(20, 0);
        let hasty = self.client.with_timeout(Duration::from_millis(2));
        match hasty.send::<Answered>("slow", &asked).await {
            Err(CallError::Timeout(_)) => Ok(()),
            answered => check(&asked, answered),
        }
    }
}

fn check(asked: &Asked, answered: Result<Answered, CallError>) -> Checked {
    match answered {
        Ok(Answered { n, answer: got }) if n == asked.n && got == answer(n) => Ok(()),
        other => Err(format!("{asked:?} was answered with {other:?}")),
    }
}
