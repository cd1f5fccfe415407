//! Keepalive probes, with which the system detects that the peer of a TCP connection has vanished.

use std::{io, ops::RangeInclusive, time::Duration};

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

/// Settings for the probes that the system sends on an idle connection, to detect a peer that
/// vanished without closing it. Times and numbers that are not set are chosen by the system.
///
/// The system sends no probes while data that it has sent is unacknowledged: it retransmits the
/// data instead, for a quarter of an hour. On Linux and Android a connection therefore also ends
/// when sent data stays unacknowledged for the time after which an idle connection ends:
/// [`idle`](Self::idle) plus all intervals (`TCP_USER_TIMEOUT`). A live peer that reads nothing for
/// that long while data is queued for it also counts as vanished: do not set less than the peer's
/// longest pause. Other systems have no such option, or none that can be set here: there, only idle
/// connections are probed.
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
    /// The time for which a connection is idle before the first probe. The system counts whole
    /// seconds from 1 to 32,767; values outside that range are clamped.
    pub idle: Duration,
    /// The time between two probes, also in whole seconds from 1 to 32,767.
    pub interval: Option<Duration>,
    /// Maximum number of unanswered probes before the connection counts as lost, from 1 to 127.
    pub retries: Option<u32>,
}

/// The range in seconds that Linux accepts. It refuses any other value, and the connection would
/// fail.
const SECONDS: RangeInclusive<u64> = 1..=32_767;
const RETRIES: RangeInclusive<u32> = 1..=127;

impl Keepalive {
    /// Returns settings that probe a connection after it has been idle for this time.
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

    /// Applies the settings to `stream`.
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

/// The maximum of `TCP_USER_TIMEOUT`: the system counts the milliseconds in an `int`.
#[cfg(any(target_os = "linux", target_os = "android"))]
const MAX_USER_TIMEOUT: Duration = Duration::from_millis(i32::MAX as u64);

/// Makes the system end the connection when sent data stays unacknowledged for as long as an idle
/// connection takes to end. The effective times are read back, since some of them may be the
/// system's defaults.
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

/// Returns the time rounded up to whole seconds and clamped to the range that the system accepts.
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
