//! A transparent proxy: callers on one side, a service on the other, and every byte in between seen.

pub(crate) mod accept;
pub(crate) mod connect;
pub(crate) mod queue;
pub(crate) mod tee;

use std::{cell::Cell, rc::Rc, time::Instant};

use nest_wire::recording::{Content, Event, Side, relay};
use tokio::task::JoinSet;

use accept::Acceptor;

use crate::dial::Dialer;

/// Receives what is seen, before it is passed on.
pub(crate) type See = Rc<dyn Fn(Event)>;

/// Passes bytes between callers and a service.
///
/// All of it runs on the thread of the runtime: times never decrease, and events come in the order
/// in which they happened.
pub(crate) struct Relay {
    dialer: Rc<Dialer>,
    began: Instant,
    /// The number of the last connection.
    connection: Rc<Cell<u32>>,
    see: See,
}

impl Relay {
    /// Returns a relay to the service that `dialer` reaches. Connections are counted from the one
    /// after `connection`.
    pub(crate) fn new(dialer: Dialer, began: Instant, connection: u32, see: See) -> Self {
        Self {
            dialer: Rc::new(dialer),
            began,
            connection: Rc::new(Cell::new(connection)),
            see,
        }
    }

    /// Serves callers until this future is dropped; their connections end with it.
    pub(crate) async fn run(self, mut acceptor: Acceptor) {
        let mut connections = JoinSet::new();
        loop {
            let caller = tokio::select! {
                caller = acceptor.accept() => caller,
                Some(_) = connections.join_next() => continue,
            };
            self.connection.set(self.connection.get() + 1);
            let seen = Seen {
                connection: self.connection.get(),
                began: self.began,
                see: Rc::clone(&self.see),
            };
            seen.see(Side::Caller, Content::Opened(caller.from.clone()));
            connections.spawn_local(carry(caller, Rc::clone(&self.dialer), seen));
        }
    }
}

/// The events of one connection.
struct Seen {
    connection: u32,
    began: Instant,
    see: See,
}

impl Seen {
    fn see(&self, from: Side, content: Content) {
        (self.see)(Event::new(self.connection, from, content).at(self.began.elapsed()));
    }
}

/// Serves one caller. What the service does to its connection happens to the caller's: a refusal and
/// a reset are passed on.
async fn carry(caller: accept::Accepted, dialer: Rc<Dialer>, seen: Seen) {
    let mut caller = match caller.ready().await {
        Ok(caller) => caller,
        Err(error) => {
            crate::failure::warn(format_args!("TLS with a caller failed: {error}"));
            seen.see(Side::Caller, Content::Reset);
            return;
        }
    };
    let mut service = match dialer.dial().await {
        Ok(service) => service,
        Err(error) => {
            seen.see(Side::Service, Content::Failed(error.reason()));
            caller.abort();
            return;
        }
    };
    if let Err(error) = relay(&mut caller, &mut service, |from, content| seen.see(from, content)).await {
        if !error.is_reset() {
            // A failure that no side asked for: what they see is a connection that breaks.
            seen.see(error.side, Content::Reset);
        }
        caller.abort();
        service.abort();
    }
}
