//! One connection of a caller, and the one with the service behind it.

use std::{
    cell::Cell,
    rc::Rc,
    time::{Duration, Instant},
};

use nest_wire::recording::{Content, Event, Side, relay_until};
use tokio_util::sync::CancellationToken;

use super::{
    accept::Accepted,
    caller::Caller,
    close::{LateBytes, close},
    queue::Sender,
};
use crate::{
    dial::{Dialer, stream::Stream},
    failure::warn,
};

/// A connection as the rest of the proxy sees it.
pub(super) struct Connection {
    number: u32,
    began: Instant,
    events: Sender,
    /// Number of events so far.
    seen: Cell<u64>,
    /// When the last event came, since `began`.
    last_event: Cell<Duration>,
    is_open: Cell<bool>,
    /// True if bytes found no room on the way to the thread that reads the traffic.
    has_gap: Cell<bool>,
    /// Number of bytes that have been read from the service.
    replied: Cell<u64>,
    /// Number of bytes that have been written to the caller.
    written: Rc<Cell<u64>>,
    /// True if nothing more is read from the caller.
    is_held: Rc<Cell<bool>>,
    stop: CancellationToken,
    /// The arguments of `stop`.
    end: Cell<(LateBytes, Duration)>,
}

impl Connection {
    pub(super) fn new(number: u32, began: Instant, events: Sender) -> Rc<Self> {
        Rc::new(Self {
            number,
            began,
            events,
            seen: Cell::new(0),
            last_event: Cell::default(),
            is_open: Cell::new(false),
            has_gap: Cell::new(false),
            replied: Cell::new(0),
            written: Rc::default(),
            is_held: Rc::default(),
            stop: CancellationToken::new(),
            end: Cell::new((LateBytes::Discard, Duration::ZERO)),
        })
    }

    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// Returns the number of events so far.
    pub(super) fn seen(&self) -> u64 {
        self.seen.get()
    }

    /// Returns true once bytes can pass.
    pub(super) fn is_open(&self) -> bool {
        self.is_open.get()
    }

    /// Returns the time since the last event.
    pub(super) fn silence(&self) -> Duration {
        self.began.elapsed().saturating_sub(self.last_event.get())
    }

    pub(super) fn has_gap(&self) -> bool {
        self.has_gap.get()
    }

    /// Returns true if a part of a reply has not been written to the caller.
    pub(super) fn has_unwritten(&self) -> bool {
        self.replied.get() > self.written.get()
    }

    /// Stops reading from the caller. Replies are still passed on.
    pub(super) fn hold(&self) {
        self.is_held.set(true);
    }

    pub(super) fn is_held(&self) -> bool {
        self.is_held.get()
    }

    /// Ends the connection once what has been read is passed on. `linger` is the maximum time that
    /// each side has to end too.
    pub(super) fn stop(&self, late: LateBytes, linger: Duration) {
        self.end.set((late, linger));
        self.stop.cancel();
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }

    pub(super) fn see(&self, from: Side, content: Content) {
        self.seen.set(self.seen.get() + 1);
        self.last_event.set(self.began.elapsed());
        if let (Side::Service, Content::Segment(bytes)) = (from, &content) {
            self.replied.set(self.replied.get() + bytes.len() as u64);
        }
        let event = Event::new(self.number, from, content).at(self.last_event.get());
        if !self.events.send(event) {
            self.has_gap.set(true);
        }
    }

    /// Serves one caller. What the service does to its connection happens to the caller's: a refusal
    /// and a reset are passed on.
    pub(super) async fn carry(self: Rc<Self>, caller: Accepted, dialer: Rc<Dialer>) {
        self.see(Side::Caller, Content::Opened(caller.from.clone()));
        let opened = self.stop.run_until_cancelled(self.open(caller, &dialer)).await;
        let Some(Some((mut caller, mut service))) = opened else {
            return;
        };
        self.is_open.set(true);
        let see = |from, content| self.see(from, content);
        match relay_until(&mut caller, &mut service, see, self.stop.cancelled()).await {
            Ok(()) => {
                let (late, linger) = self.end.get();
                close(&self, caller.stream, service, late, linger).await;
            }
            Err(error) => {
                if !error.is_reset() {
                    // A failure that no side asked for: what they see is a connection that breaks.
                    self.see(error.side, Content::Reset);
                }
                caller.stream.abort();
                service.abort();
            }
        }
    }

    /// Returns both connections, once bytes can pass.
    async fn open(&self, caller: Accepted, dialer: &Dialer) -> Option<(Caller, Stream)> {
        let stream = match caller.ready().await {
            Ok(stream) => stream,
            Err(error) => {
                warn(format_args!("TLS with a caller failed: {error}"));
                self.see(Side::Caller, Content::Reset);
                return None;
            }
        };
        match dialer.dial().await {
            Ok(service) => Some((self.caller(stream), service)),
            Err(error) => {
                self.see(Side::Service, Content::Failed(error.reason()));
                stream.abort();
                None
            }
        }
    }

    fn caller(&self, stream: Stream) -> Caller {
        Caller {
            stream,
            is_held: Rc::clone(&self.is_held),
            written: Rc::clone(&self.written),
        }
    }
}
