//! The handlers. They print the numbers they receive and return replies that depend only on the
//! number.

use std::{
    io::{Write, stdout},
    time::Duration,
};

use futures_util::{Stream, StreamExt, future::ready, stream};
use nest_wire::{
    packet::RpcError,
    server::{Payload, Reply, ReplyStream, Router, State, reply::IntoReply},
};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use crate::numbers::answer;

/// The payload of a call. Members that a handler does not need may be missing.
#[derive(Debug, Deserialize)]
struct Asked {
    n: u64,
    #[serde(default)]
    pad: String,
    #[serde(default)]
    ms: u64,
    #[serde(default)]
    count: u64,
}

/// The reply to `ask` and `slow`.
#[derive(Debug, Serialize)]
struct Answered {
    n: u64,
    answer: u64,
    pad: String,
}

/// One value of `values`.
#[derive(Debug, Serialize)]
struct Item {
    n: u64,
    i: u64,
}

/// Whether numbers are printed.
#[derive(Debug, Clone, Copy)]
struct Journal(bool);

impl Journal {
    fn seen(self, kind: char, number: u64) {
        if self.0 {
            // The parent process reads the output. If it has ended, this process ends soon.
            let _ = writeln!(stdout().lock(), "{kind} {number}");
        }
    }
}

pub(super) fn router(is_quiet: bool) -> Router {
    Router::new()
        .message("ask", ask)
        .message("slow", slow)
        .message("values", values)
        .message("fail", fail)
        .message("echo", async |Payload(text): Payload<String>| text)
        .event("note", note)
        .with_state(Journal(!is_quiet))
}

async fn ask(State(journal): State<Journal>, Payload(asked): Payload<Asked>) -> Reply {
    journal.seen('m', asked.n);
    answered(asked)
}

async fn slow(State(journal): State<Journal>, Payload(asked): Payload<Asked>) -> Reply {
    journal.seen('m', asked.n);
    sleep(Duration::from_millis(asked.ms)).await;
    answered(asked)
}

fn answered(Asked { n, pad, .. }: Asked) -> Reply {
    let answered = Answered {
        n,
        answer: answer(n),
        pad,
    };
    Payload(answered).into_reply()
}

async fn values(State(journal): State<Journal>, Payload(asked): Payload<Asked>) -> ReplyStream {
    journal.seen('m', asked.n);
    let (n, pause) = (asked.n, Duration::from_millis(asked.ms));
    let items = stream::iter(0..asked.count).map(move |i| Item { n, i });
    match asked.ms {
        0 => ReplyStream::new(items),
        _ => ReplyStream::new(paced(items, pause)),
    }
}

fn paced(items: impl Stream<Item = Item> + Send + 'static, pause: Duration) -> impl Stream<Item = Item> + Send {
    items.then(move |item| async move {
        sleep(pause).await;
        item
    })
}

async fn fail(State(journal): State<Journal>, Payload(asked): Payload<Asked>) -> Result<(), RpcError> {
    journal.seen('m', asked.n);
    Err(RpcError::new(format!("failed {}", asked.n)))
}

async fn note(State(journal): State<Journal>, Payload(asked): Payload<Asked>) {
    journal.seen('e', asked.n);
    ready(()).await;
}
