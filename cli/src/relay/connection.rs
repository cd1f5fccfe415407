//! One connection of a caller, and the one with the service behind it.

use std::{
    cell::Cell,
    rc::Rc,
    time::{Duration, Instant},
};

use nest_wire::recording::{Content, Event, Side, relay_until};
use tokio::{
    io::{copy, sink},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{accept::Accepted, caller::Caller, queue::Sender};
use crate::{
    dial::{Dialer, stream::Stream},
    failure::warn,
};

/// Maximum time that both sides of an ended connection have to end theirs.
const FAREWELL: Duration = Duration::from_secs(1);

/// A connection as the rest of the proxy sees it.
pub(super) struct Connection {
    number: u32,
    began: Instant,
    events: Sender,
    /// Number of events so far.
    seen: Cell<u64>,
    is_open: Cell<bool>,
    /// True if nothing more is read from the caller.
    is_held: Rc<Cell<bool>>,
    stop: CancellationToken,
}

impl Connection {
    pub(super) fn new(number: u32, began: Instant, events: Sender) -> Rc<Self> {
        Rc::new(Self {
            number,
            began,
            events,
            seen: Cell::new(0),
            is_open: Cell::new(false),
            is_held: Rc::default(),
            stop: CancellationToken::new(),
        })
    }

    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// Returns the number of events so far, once bytes can pass.
    pub(super) fn seen(&self) -> Option<u64> {
        self.is_open.get().then(|| self.seen.get())
    }

    /// Reads nothing more from the caller. Replies pass on.
    pub(super) fn hold(&self) {
        self.is_held.set(true);
    }

    pub(super) fn is_held(&self) -> bool {
        self.is_held.get()
    }

    /// Ends the connection, after what has been read.
    pub(super) fn stop(&self) {
        self.stop.cancel();
    }

    fn see(&self, from: Side, content: Content) {
        self.seen.set(self.seen.get() + 1);
        let event = Event::new(self.number, from, content).at(self.began.elapsed());
        self.events.send(event);
    }

    /// Serves one caller. What the service does to its connection happens to the caller's: a refusal
    /// and a reset are passed on.
    pub(super) async fn carry(self: Rc<Self>, caller: Accepted, dialer: Rc<Dialer>) {
        self.see(Side::Caller, Content::Opened(caller.from.clone()));
        let mut caller = match caller.ready().await {
            Ok(stream) => Caller {
                stream,
                is_held: Rc::clone(&self.is_held),
            },
            Err(error) => {
                warn(format_args!("TLS with a caller failed: {error}"));
                return self.see(Side::Caller, Content::Reset);
            }
        };
        let mut service = match dialer.dial().await {
            Ok(service) => service,
            Err(error) => {
                self.see(Side::Service, Content::Failed(error.reason()));
                return caller.stream.abort();
            }
        };
        self.is_open.set(true);
        let see = |from, content| self.see(from, content);
        match relay_until(&mut caller, &mut service, see, self.stop.cancelled()).await {
            Ok(()) => {
                tokio::join!(farewell(caller.stream), farewell(service));
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
}

/// Waits for the peer's end. Bytes that nobody has read would make a reset of ours, which may destroy
/// a reply on its way.
async fn farewell(mut stream: Stream) {
    let _ = timeout(FAREWELL, copy(&mut stream, &mut sink())).await;
}
