//! Calls made with real Nest's client, in a process of its own.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use nest_wire_harness::Harness;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    process::{ChildStdin, Command},
    sync::oneshot,
    time::timeout,
};

use super::{Ask, End, Outcome};
use crate::child::{Child, Lines, tell};

/// Maximum time from a call's own timeout to its end, with a margin for a busy machine.
const GRACE: Duration = Duration::from_secs(60);

/// A process with Nest's client. It ends when this value is dropped.
#[derive(Debug)]
pub struct NestCaller {
    child: Child,
    major: u8,
    stdin: tokio::sync::Mutex<ChildStdin>,
    waiting: Arc<Mutex<Waiting>>,
}

#[derive(Debug, Default)]
struct Waiting {
    calls: HashMap<u64, oneshot::Sender<Said>>,
    closed: Option<oneshot::Sender<()>>,
    /// Reports about calls that had already ended.
    strays: Vec<u64>,
}

/// A line that the process prints.
#[derive(Debug, Deserialize)]
struct Said {
    n: Option<u64>,
    #[serde(default)]
    values: Vec<Value>,
    error: Option<String>,
    #[serde(default)]
    timeout: bool,
    #[serde(default)]
    dropped: bool,
    #[serde(default)]
    closed: bool,
}

impl NestCaller {
    /// Starts a caller of the service at `address`.
    ///
    /// # Errors
    /// Fails if the process cannot be started or does not report that it is ready.
    pub async fn start(harness: &Harness, major: u8, address: SocketAddr) -> io::Result<Self> {
        let mut command = Command::new("node");
        command
            .arg(harness.checkout().join("node-harness/apps/chaos-caller.mjs"))
            .args(["--nest", &major.to_string(), "--port", &address.port().to_string()]);
        let (child, stdin, mut lines) = Child::start(format!("Nest {major}'s client"), command)?;
        let ready = timeout(GRACE, lines.recv()).await?;
        if ready.as_deref() != Some(r#"{"ready":true}"#) {
            return Err(io::Error::other(format!("it said {ready:?}: {}", child.complaints())));
        }
        let waiting: Arc<Mutex<Waiting>> = Arc::default();
        tokio::spawn(listen(lines, Arc::clone(&waiting)));
        let stdin = tokio::sync::Mutex::new(stdin);
        Ok(Self {
            child,
            major,
            stdin,
            waiting,
        })
    }

    /// Returns the major of Nest.
    #[must_use]
    pub const fn major(&self) -> u8 {
        self.major
    }

    /// Returns the process.
    #[must_use]
    pub const fn child(&self) -> &Child {
        &self.child
    }

    /// Returns the numbers of the calls that ended more than once.
    #[must_use]
    pub fn ended_twice(&self) -> Vec<u64> {
        lock(&self.waiting).strays.clone()
    }

    pub(super) async fn make(&self, ask: &Ask) -> Outcome {
        let (tell_end, ended) = oneshot::channel();
        lock(&self.waiting).calls.insert(ask.number, tell_end);
        let line = json!({
            "n": ask.number,
            "pattern": ask.pattern(),
            "data": ask.data(),
            "timeout": u64::try_from(ask.timeout.as_millis()).unwrap_or(u64::MAX),
            "event": ask.is_event(),
            "take": ask.taken(),
        });
        // A null member counts as present, since JavaScript's undefined is not a member.
        let line = line
            .to_string()
            .replace(r#","take":null"#, "")
            .replace(r#""take":null,"#, "");
        if let Err(error) = tell(&mut *self.stdin.lock().await, &line).await {
            return Outcome::Wrong(format!(
                "the caller's process is gone ({error}): {}",
                self.child.complaints()
            ));
        }
        match timeout(ask.timeout.saturating_mul(400).saturating_add(GRACE), ended).await {
            Ok(Ok(mut said)) => {
                if self.major == 7 {
                    // Nest 7 connects once for each call made before the first connection is up,
                    // and delivers each value once per connection. Two services of Nest 7 show this
                    // as well.
                    said.values.dedup();
                }
                outcome(ask, said)
            }
            Ok(Err(_)) => Outcome::Wrong(format!("the caller's process is gone: {}", self.child.complaints())),
            Err(_) => Outcome::Hung,
        }
    }

    pub(super) async fn close(&self) {
        let (tell_closed, closed) = oneshot::channel();
        lock(&self.waiting).closed = Some(tell_closed);
        if tell(&mut *self.stdin.lock().await, r#"{"close":true}"#).await.is_ok() {
            // If the process has ended, the client is closed too.
            let _ = timeout(GRACE, closed).await;
        }
    }
}

fn outcome(ask: &Ask, said: Said) -> Outcome {
    let end = match (said.error, said.timeout, said.dropped) {
        (Some(message), ..) if is_of_the_service(&message) => End::Refused(message),
        (Some(message), ..) => End::Failed(message),
        (None, true, _) => End::Failed("timeout".to_owned()),
        (None, false, true) if ask.taken().is_some() => End::Dropped,
        _ => End::Complete,
    };
    // RxJS does not report whether the observable of an event emitted undefined before it
    // completed.
    let values: &[Value] = if ask.is_event() { &[] } else { &said.values };
    Outcome::of(ask, ask.check(values, &end), end, false)
}

/// Returns whether the error came from the service. Other errors are Node's and Nest's own.
fn is_of_the_service(message: &str) -> bool {
    message.starts_with("failed ") || message.contains("message handler") || message == "Internal server error"
}

async fn listen(mut lines: Lines, waiting: Arc<Mutex<Waiting>>) {
    while let Some(line) = lines.recv().await {
        let Ok(said) = serde_json::from_str::<Said>(&line) else {
            continue;
        };
        let mut waiting = lock(&waiting);
        if said.closed {
            waiting.closed = None;
        } else if let Some(number) = said.n {
            match waiting.calls.remove(&number) {
                // A caller that has given up receives no message.
                Some(caller) => _ = caller.send(said),
                None => waiting.strays.push(number),
            }
        }
    }
    // Fails the calls that still wait: no reply can arrive any more.
    lock(&waiting).calls.clear();
}

fn lock(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}
