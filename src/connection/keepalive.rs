//! How the system finds out that the peer of a TCP connection has vanished.

use std::{io, ops::RangeInclusive, time::Duration};

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

/// How the system probes a connection on which nothing happens, so that a peer that vanished
/// without a word is noticed. Times and numbers that are not set are the system's choice.
///
/// The system sends no probes while data that it has sent is unacknowledged: it repeats the data
/// instead, for a quarter of an hour. On Linux and Android a connection therefore also ends when
/// sent data stays unacknowledged for as long as an idle connection takes to end,
/// [`idle`](Self::idle) and all intervals together (`TCP_USER_TIMEOUT`). A peer that lives but
/// reads nothing for so long, while data waits for it, counts as vanished too: do not set less than
/// its longest pause. Other systems have no such option, or none that can be set here: there, only
/// idle connections are probed.
///
/// ```
/// use std::time::Duration;
/// use nest_wire::connection::Keepalive;
///
/// // A peer that vanished is noticed after 30 + 3 * 10 seconds.
/// let keepalive = Keepalive::after(Duration::from_secs(30))
///     .interval(Duration::from_secs(10))
///     .retries(3);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Keepalive {
    /// How long a connection is idle before the first probe. The system counts in whole seconds,
    /// from 1 to 32,767: less counts as 1, more as the most.
    pub idle: Duration,
    /// How long to wait between two probes, in whole seconds from 1 to 32,767 as well.
    pub interval: Option<Duration>,
    /// How many probes may go unanswered before the connection counts as lost, from 1 to 127.
    pub retries: Option<u32>,
}

/// What Linux takes; it refuses all else, and a connection would fail for it.
const SECONDS: RangeInclusive<u64> = 1..=32_767;
const RETRIES: RangeInclusive<u32> = 1..=127;

impl Keepalive {
    /// Probes connections that have been idle for so long.
    #[must_use]
    pub const fn after(idle: Duration) -> Self {
        Self {
            idle,
            interval: None,
            retries: None,
        }
    }

    /// Sets [`Keepalive::interval`].
    #[must_use]
    pub const fn interval(mut self, interval: Duration) -> Self {
        self.interval = Some(interval);
        self
    }

    /// Sets [`Keepalive::retries`].
    #[must_use]
    pub const fn retries(mut self, retries: u32) -> Self {
        self.retries = Some(retries);
        self
    }

    /// Asks the system for it.
    pub(crate) fn apply(&self, stream: &TcpStream) -> io::Result<()> {
        let mut options = TcpKeepalive::new().with_time(in_range(self.idle));
        if let Some(interval) = self.interval {
            options = options.with_interval(in_range(interval));
        }
        if let Some(retries) = self.retries {
            options = options.with_retries(retries.clamp(*RETRIES.start(), *RETRIES.end()));
        }
        let socket = SockRef::from(stream);
        socket.set_tcp_keepalive(&options)?;
        limit_unacknowledged(&socket)
    }
}

/// The system counts the milliseconds in an `int`.
#[cfg(any(target_os = "linux", target_os = "android"))]
const MAX_USER_TIMEOUT: Duration = Duration::from_millis(i32::MAX as u64);

/// Ends the connection when sent data stays unacknowledged for as long as an idle connection takes
/// to end. The times that hold are read back, since some of them may be the system's.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn limit_unacknowledged(socket: &SockRef<'_>) -> io::Result<()> {
    let intervals = socket.tcp_keepalive_interval()? * socket.tcp_keepalive_retries()?;
    let timeout = socket.tcp_keepalive_time()? + intervals;
    socket.set_tcp_user_timeout(Some(timeout.min(MAX_USER_TIMEOUT)))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn limit_unacknowledged(_: &SockRef<'_>) -> io::Result<()> {
    Ok(())
}

/// Rounds up to what the system takes.
fn in_range(time: Duration) -> Duration {
    let seconds = time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0));
    Duration::from_secs(seconds.clamp(*SECONDS.start(), *SECONDS.end()))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    async fn connection() -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        TcpStream::connect(address).await.expect("it listens")
    }

    #[tokio::test]
    async fn the_shortest_and_the_longest_times_are_what_the_system_takes() {
        let stream = connection().await;
        for (time, retries, expected) in [
            (Duration::ZERO, 0, (1, 1)),
            (Duration::from_millis(1), 1, (1, 1)),
            (Duration::from_millis(1_001), 127, (2, 127)),
            (Duration::MAX, u32::MAX, (32_767, 127)),
        ] {
            let keepalive = Keepalive::after(time).interval(time).retries(retries);
            keepalive.apply(&stream).expect("options of the system's range");
            let socket = SockRef::from(&stream);
            let idle = socket.tcp_keepalive_time().expect("an option");
            assert_eq!(idle, Duration::from_secs(expected.0));
            #[cfg(target_os = "linux")]
            assert_eq!(
                (
                    socket.tcp_keepalive_interval().expect("an option"),
                    socket.tcp_keepalive_retries().expect("an option")
                ),
                (idle, expected.1)
            );
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn sent_data_may_be_unacknowledged_for_as_long_as_an_idle_connection_lives() {
        let stream = connection().await;
        let socket = SockRef::from(&stream);
        let user_timeout = || socket.tcp_user_timeout().expect("an option");
        assert_eq!(user_timeout(), None);
        let keepalive = Keepalive::after(Duration::from_secs(77)).retries(3);
        let of_system = socket.tcp_keepalive_interval().expect("an option");
        keepalive.apply(&stream).expect("options");
        assert_eq!(user_timeout(), Some(Duration::from_secs(77) + 3 * of_system));
        keepalive
            .interval(Duration::from_secs(7))
            .apply(&stream)
            .expect("options");
        assert_eq!(user_timeout(), Some(Duration::from_secs(77 + 3 * 7)));
    }
}
