//! The handle that users hold.

use std::{
    fmt,
    future::Future,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::{mpsc, oneshot},
    time::timeout,
};
use tracing::{Instrument, Span, debug_span};

use super::{
    CallError, Config, Disconnected, Replies,
    command::Command,
    driver::drive,
    pending::{Pending, Waiter},
    replies::{Forget, decode},
};
use crate::{
    compat::Compat,
    packet::{CallId, RawJson},
    pattern::Pattern,
};

/// How many packets may wait to be written before further callers wait too.
const QUEUE: usize = 1024;

/// A caller of one microservice.
///
/// Cheap to clone; all clones share one connection, which is made by the first call and again by the next call after
/// a loss. The link closes when the last clone is gone.
///
/// ```no_run
/// use std::time::Duration;
/// use nest_wire::{client::Client, pattern::Pattern};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), nest_wire::client::CallError> {
/// let client = Client::new("localhost:8888");
/// let quick = client.with_timeout(Duration::from_millis(200));
/// let total: u32 = quick.send(Pattern::object([("cmd", "sum")]), &[1, 2, 3]).await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    timeout: Duration,
    metadata: Option<RawJson>,
}

struct Shared {
    /// Starts the task that owns the link.
    start: Box<dyn Fn(mpsc::Receiver<Command>, Pending) + Send + Sync>,
    /// How to reach that task, once it was started.
    driver: Mutex<Option<mpsc::Sender<Command>>>,
    pending: Pending,
    compat: Compat,
}

impl Client {
    /// A client of the service at `address`, `"localhost:8888"` for example. Nothing is connected yet.
    #[must_use]
    pub fn new(address: impl Into<String>) -> Self {
        Self::with_config(address, Config::default())
    }

    /// As [`new`](Self::new), with other limits and timeouts.
    #[must_use]
    pub fn with_config(address: impl Into<String>, config: Config) -> Self {
        let address: Arc<str> = address.into().into();
        Self::with_connector(
            move || {
                let address = Arc::clone(&address);
                async move { connect(&address).await }
            },
            config,
        )
    }

    /// A client that gets its links from `connect`: a Unix socket, a TLS stream, one end of [`tokio::io::duplex`].
    #[must_use]
    pub fn with_connector<C, F, IO>(connect: C, config: Config) -> Self
    where
        C: Fn() -> F + Clone + Send + Sync + 'static,
        F: Future<Output = io::Result<IO>> + Send + 'static,
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (timeout, compat) = (config.timeout, config.compat);
        let start = move |commands, pending| {
            tokio::spawn(drive(connect.clone(), config.clone(), commands, pending));
        };
        let shared = Shared {
            start: Box::new(start),
            driver: Mutex::default(),
            pending: Pending::default(),
            compat,
        };
        Self {
            shared: Arc::new(shared),
            timeout,
            metadata: None,
        }
    }

    /// The same client with another timeout for its calls.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self {
            timeout,
            ..self.clone()
        }
    }

    /// The same client with this `metadata` in each packet it sends, which services read from their context (Nest 12.1
    /// and later; older ones ignore it).
    ///
    /// # Errors
    /// [`CallError::Encode`].
    pub fn with_metadata(&self, metadata: &(impl Serialize + ?Sized)) -> Result<Self, CallError> {
        let metadata = RawJson::of(metadata).map_err(|error| CallError::Encode(Arc::new(error)))?;
        Ok(Self {
            metadata: Some(metadata),
            ..self.clone()
        })
    }

    /// Sends a message and waits for its answer: of several values, the last one.
    ///
    /// A service that answers undefined has no value: that is `()` or `None`, or else [`CallError::NoValue`].
    ///
    /// # Errors
    /// See [`CallError`]. Only [`CallError::Connect`] and the three of the caller's say that nothing was sent.
    pub async fn send<T: DeserializeOwned>(
        &self,
        pattern: impl Into<Pattern>,
        data: &(impl Serialize + ?Sized),
    ) -> Result<T, CallError> {
        let (pattern, data) = (pattern_json(&present(pattern)?), payload(data)?);
        // Declared before the channel and so dropped after it: see `Pending::enter`.
        let forget = self.forget_later();
        let span = request_span(&pattern, Some(forget.id));
        let (tell, answer) = oneshot::channel();
        let command = Command::Send {
            id: forget.id,
            pattern,
            data,
            metadata: self.metadata.clone(),
            waiter: Waiter::Last { so_far: None, tell },
        };
        let answered = async {
            self.command(command).await?;
            answer.await.unwrap_or_else(|_| Err(stopped()))
        };
        let value = self.in_time(answered).instrument(span);
        decode(value.await?.as_ref())
    }

    /// Sends a message and gives its values as they come.
    ///
    /// The timeout counts anew for each value.
    ///
    /// # Errors
    /// [`CallError::MissingData`] and [`CallError::Encode`], and [`CallError::Timeout`] if other packets keep this one
    /// from being written for so long. Every other error is the stream's last item, [`CallError::Connect`] too.
    pub async fn send_stream<T: DeserializeOwned>(
        &self,
        pattern: impl Into<Pattern>,
        data: &(impl Serialize + ?Sized),
    ) -> Result<Replies<T>, CallError> {
        let (pattern, data) = (pattern_json(&present(pattern)?), payload(data)?);
        let forget = self.forget_later();
        let span = request_span(&pattern, Some(forget.id));
        let (tell, values) = mpsc::unbounded_channel();
        let command = Command::Send {
            id: forget.id,
            pattern,
            data,
            metadata: self.metadata.clone(),
            waiter: Waiter::Each(tell),
        };
        self.in_time(self.command(command)).instrument(span).await?;
        Ok(Replies::new(self.clone(), values, forget, self.timeout))
    }

    /// Sends an event and waits until it has been handed to the operating system. Nobody answers it.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn emit(&self, pattern: impl Into<Pattern>, data: &(impl Serialize + ?Sized)) -> Result<(), CallError> {
        let route = present(pattern)?.route(self.shared.compat);
        // Events go to the route, as text, whatever their pattern was (`ClientTCP.dispatchEvent`).
        let route = RawJson::trusted(route.to_json());
        let data = payload(data)?;
        let span = request_span(&route, None);
        let (sent, is_sent) = oneshot::channel();
        let command = Command::Emit {
            route,
            data,
            metadata: self.metadata.clone(),
            sent,
        };
        let sent = async {
            self.command(command).await?;
            is_sent.await.unwrap_or_else(|_| Err(stopped()))
        };
        self.in_time(sent).instrument(span).await
    }

    /// Hands a command to the task that owns the link, starting that if need be.
    async fn command(&self, command: Command) -> Result<(), CallError> {
        let driver = self.driver();
        driver.send(command).await.map_err(|_| stopped())
    }

    fn driver(&self) -> mpsc::Sender<Command> {
        let mut driver = self.shared.driver.lock().unwrap_or_else(PoisonError::into_inner);
        // It is closed if the runtime that the task ran on has been shut down.
        match driver.as_ref().filter(|driver| !driver.is_closed()) {
            Some(driver) => driver.clone(),
            None => {
                let (commands, receiver) = mpsc::channel(QUEUE);
                (self.shared.start)(receiver, self.shared.pending.clone());
                driver.insert(commands).clone()
            }
        }
    }

    fn forget_later(&self) -> Forget {
        Forget {
            pending: self.shared.pending.clone(),
            id: CallId::random(self.shared.compat),
        }
    }

    async fn in_time<T>(&self, call: impl Future<Output = Result<T, CallError>>) -> Result<T, CallError> {
        let limit = self.timeout;
        timeout(limit, call).await.unwrap_or(Err(CallError::Timeout(limit)))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

pub(super) async fn connect(address: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn request_span(pattern: &RawJson, id: Option<CallId>) -> Span {
    debug_span!(
        "request",
        pattern = pattern.as_str(),
        id = id.map(tracing::field::display)
    )
}

fn stopped() -> CallError {
    CallError::ConnectionClosed(Disconnected::Stopped)
}

fn present(pattern: impl Into<Pattern>) -> Result<Pattern, CallError> {
    let pattern = pattern.into();
    if pattern.value().is_null() {
        return Err(CallError::MissingPattern);
    }
    Ok(pattern)
}

fn pattern_json(pattern: &Pattern) -> RawJson {
    RawJson::trusted(pattern.to_json())
}

fn payload(data: &(impl Serialize + ?Sized)) -> Result<RawJson, CallError> {
    match RawJson::of(data) {
        Ok(data) if data == RawJson::null() => Err(CallError::MissingData),
        Ok(data) => Ok(data),
        Err(error) => Err(CallError::Encode(Arc::new(error))),
    }
}
