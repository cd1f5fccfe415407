//! A client of one service, as the commands use it: it connects first, and watches what passes, so
//! that a failure can be explained and frames can be shown.

mod dial;
mod failure;
mod frames;
mod framing_fault;
mod options;
mod seen;
mod watched;

use std::{
    sync::{Arc, Once},
    time::Duration,
};

use nest_wire::{
    Pattern,
    client::{Client, RequestBuilder, Target},
    tls::ClientTls,
};

pub(crate) use failure::as_javascript_writes;
pub(crate) use options::{ConnectOptions, major};

use crate::{
    address::Address,
    dial::{Dialer, stream::Stream},
    failure::{Failure, warn},
};
use dial::WatchedDialer;
use seen::Seen;

/// How long the end of a connection may take: the service closes its side.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

pub(crate) struct Caller {
    client: Client,
    dialer: WatchedDialer,
    address: Arc<Address>,
    seen: Arc<Seen>,
}

/// What a call that failed has asked for.
pub(crate) enum Asked {
    Event,
    Message {
        /// The route that the service looks up, for hints.
        route: String,
        /// The number of values that came before the failure.
        values: u64,
    },
}

impl Caller {
    /// Makes a client whose calls take at most `timeout`, connecting apart. Nothing is connected
    /// yet.
    ///
    /// # Errors
    /// The options for TLS are of no use.
    pub(crate) fn new(options: &ConnectOptions, timeout: Duration) -> Result<Self, Failure> {
        let seen = Arc::new(Seen::new(options.verbose));
        let dialer = WatchedDialer {
            dialer: Dialer::new(options.address.clone(), tls(options)?, options.connect_timeout),
            seen: Arc::clone(&seen),
        };
        let address = Arc::new(options.address.clone());
        let client = Client::builder()
            .timeout(timeout)
            // The dialer has its own, and knows what took so long.
            .connect_timeout(Duration::MAX)
            .drain_timeout(DRAIN_TIMEOUT)
            .compat(options.nest)
            .build(Target::connector({
                let dialer = dialer.clone();
                move || dialer.clone().dial()
            }))
            .expect("a connector needs no address");
        Ok(Self {
            client,
            dialer,
            address,
            seen,
        })
    }

    /// Connects.
    pub(crate) async fn connect(&self) -> Result<(), Failure> {
        let connected = self.client.with_timeout(Duration::MAX).connect().await;
        connected.map_err(|error| self.failure(&error, &Asked::Event))
    }

    /// Opens another connection, which the caller writes to itself.
    pub(crate) async fn dial(&self) -> Result<Stream, Failure> {
        let dialled = self.dialer.dial_unwatched().await;
        dialled.map_err(|error| error.failure(&self.address))
    }

    pub(crate) fn request(&self, pattern: Pattern) -> RequestBuilder {
        self.client.request(pattern)
    }

    /// Ends the connection so that the service receives what was sent to it. Under TLS a process
    /// that just ends may reset the connection, which takes away what has not been read.
    pub(crate) async fn close(&self) {
        if self.address.is_tls() {
            self.client.close().await;
        }
    }

    /// Writes a line about a call, if lines are wanted.
    pub(crate) fn note(&self, line: impl FnOnce() -> String) {
        self.seen.note(line);
    }
}

static WARNING: Once = Once::new();

/// Returns the configuration of TLS, if the address asks for it.
fn tls(options: &ConnectOptions) -> Result<Option<ClientTls>, Failure> {
    let (address, tls) = (&options.address, &options.tls);
    match (address.is_tls(), tls.first_given()) {
        (true, _) => {
            if tls.insecure {
                // Once, however often it is tried again.
                WARNING.call_once(|| warn(format_args!("--insecure: nobody has verified that this is {address}")));
            }
            tls.client().map(Some)
        }
        (false, None) => Ok(None),
        (false, Some(option)) => {
            let failure = Failure::usage(format_args!(
                "{option} is for an address with TLS, and {address} is none"
            ));
            Err(failure.hint(format!("write tls://{address}")))
        }
    }
}
