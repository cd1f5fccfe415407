//! Our client without a system below it, to count the cost of a call.

use std::{
    future::ready,
    io,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use futures_util::future::join_all;
use nest_wire::client::{Client, Target};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    runtime::Runtime,
};

use crate::load::Exchange;

/// A client of a service that answers at once.
#[derive(Debug)]
pub struct Calling {
    runtime: Runtime,
    client: Client,
}

impl Calling {
    /// Connects and makes one call.
    ///
    /// # Panics
    /// Panics if there is no runtime.
    #[must_use]
    pub fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let connect = || ready(Ok::<_, io::Error>(Answering::new()));
        let client = Client::builder().build(Target::connector(connect)).expect("a client");
        Self { runtime, client }
    }

    /// Makes this number of calls of `sum`, all in flight together.
    ///
    /// # Panics
    /// Panics if a reply is wrong.
    pub fn call(&self, count: usize) {
        let calls = (0..count).map(|_| self.client.send::<f64>("sum", &[1, 2, 3]));
        let answers = self.runtime.block_on(join_all(calls));
        assert!(answers.iter().all(|answer| matches!(answer, Ok(6.0))), "{answers:?}");
    }

    /// Emits this number of events together.
    ///
    /// # Panics
    /// Panics if an event could not be sent.
    pub fn emit(&self, count: usize) {
        let events = (0..count).map(|_| self.client.emit("log", "hello"));
        let sent = self.runtime.block_on(join_all(events));
        assert!(sent.iter().all(Result::is_ok), "{sent:?}");
    }
}

impl Default for Calling {
    fn default() -> Self {
        Self::new()
    }
}

/// A connection to a service that replies 6 to everything that is as long as a request to `sum`. It
/// reads only the id.
struct Answering {
    asked_bytes: usize,
    asked_id_at: usize,
    answer: Vec<u8>,
    answers: Vec<u8>,
    reader: Option<Waker>,
}

impl Answering {
    fn new() -> Self {
        let exchange = Exchange::request("\"sum\"", "[1,2,3]").answered("6");
        Self {
            asked_bytes: exchange.asked_bytes(),
            asked_id_at: exchange.asked_id_at(),
            answer: exchange.canned_answer().into_bytes(),
            answers: Vec::new(),
            reader: None,
        }
    }
}

impl AsyncWrite for Answering {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if !buf.len().is_multiple_of(self.asked_bytes) {
            // These bytes are events.
            return Poll::Ready(Ok(buf.len()));
        }
        let (asked_at, length) = (self.asked_id_at, Exchange::id_length());
        let own_at = self.answer.len() - length - "\"}".len();
        for request in buf.chunks_exact(self.asked_bytes) {
            self.answer[own_at..][..length].copy_from_slice(&request[asked_at..][..length]);
            let Self { answer, answers, .. } = &mut *self;
            answers.extend_from_slice(answer);
        }
        self.reader.take().into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Answering {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.answers.is_empty() {
            self.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let length = self.answers.len().min(buf.remaining());
        buf.put_slice(&self.answers[..length]);
        self.answers.drain(..length);
        Poll::Ready(Ok(()))
    }
}
