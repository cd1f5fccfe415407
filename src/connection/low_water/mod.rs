//! Low-water marks: for a large frame in small segments, the system wakes the task once for many
//! segments.
//!
//! A socket's low-water mark (`SO_RCVLOWAT`) is the number of bytes that must have arrived before
//! the socket counts as readable. While a frame is missing more than that, fewer bytes are of no
//! use: waking up for each segment costs ten times as much as processing it. The mark delays
//! nothing that could be handled, because all the next bytes belong to that frame.
//!
//! This module knows only the number of missing bytes, not frames.

mod socket;

use std::{future::Future, pin::Pin, task::Context, time::Duration};

use tokio::time::{Instant, Sleep, sleep};

use super::TransportConfig;

/// Number of missing bytes from which a raised mark saves more than it costs.
const WORTHWHILE: usize = 8 * 1024;

/// The highest mark, in bytes: half of the size of one read, and half of the smallest amount that
/// systems let a peer send ahead.
const HIGHEST: usize = 32 * 1024;

/// The mark that every socket begins with, in bytes.
const LOWEST: usize = 1;

/// Maximum time for which the mark may delay the wake-up for arriving bytes. For a slower peer the
/// mark is not worthwhile, and the peer's timeout restarts with each of its bytes.
const PATIENCE: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct LowWater<IO> {
    /// Sets a socket's mark, in bytes; `None` if the socket has no mark that can be set.
    set: Option<fn(&IO, usize) -> bool>,
    raised: Option<Box<Raised>>,
}

/// The state while a large frame is half received.
#[derive(Debug)]
struct Raised {
    /// The number of missing bytes when bytes last arrived, from which the mark is derived.
    missing: usize,
    patience: Pin<Box<Sleep>>,
    /// True if the peer is slow: the mark then stays at the lowest until this frame ends.
    is_slow: bool,
}

impl<IO: 'static> LowWater<IO> {
    pub(super) fn new(config: &TransportConfig) -> Self {
        let timeout = config.incomplete_message_timeout;
        let is_exact_enough = timeout.is_none_or(|timeout| timeout >= 10 * PATIENCE);
        Self {
            set: is_exact_enough.then_some(socket::set_low_water),
            raised: None,
        }
    }
}

impl<IO> LowWater<IO> {
    /// Adjusts the mark. Call it when there is nothing to read and at least `missing` bytes are
    /// needed before anything can be processed.
    #[inline]
    pub(super) fn poll(&mut self, io: &IO, missing: usize, cx: &mut Context<'_>) {
        let Some(set) = self.set else { return };
        if missing < WORTHWHILE {
            if self.raised.take().is_some() {
                set(io, LOWEST);
            }
            return;
        }
        let raised = self.raised.get_or_insert_with(Raised::not_yet);
        if !raised.follow(missing, |mark| set(io, mark), cx) {
            *self = Self {
                set: None,
                raised: None,
            };
        }
    }
}

impl Raised {
    fn not_yet() -> Box<Self> {
        Box::new(Self {
            missing: LOWEST,
            patience: Box::pin(sleep(PATIENCE)),
            is_slow: false,
        })
    }

    /// Returns true if the mark could be set, or did not have to be.
    #[cold]
    fn follow(&mut self, missing: usize, set: impl Fn(usize) -> bool, cx: &mut Context<'_>) -> bool {
        if self.is_slow {
            return true;
        }
        if self.missing != missing {
            let mark = missing.min(HIGHEST);
            if mark != self.missing.min(HIGHEST) && !set(mark) {
                return false;
            }
            self.missing = missing;
            self.patience.as_mut().reset(Instant::now() + PATIENCE);
        }
        self.is_slow = self.patience.as_mut().poll(cx).is_ready();
        // With the lowest mark, the bytes that have already arrived make the socket readable.
        !self.is_slow || set(LOWEST)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{future::poll_fn, task::Poll};

    use bytestring::ByteString;
    use nix::sys::socket::getsockopt;
    use tokio::{
        io::{AsyncWriteExt, DuplexStream, duplex},
        net::{TcpListener, TcpStream},
        time::{advance, timeout},
    };

    use super::*;
    use crate::connection::{Connection, ConnectionError};

    async fn link() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (peer, ours) = tokio::join!(TcpStream::connect(address), listener.accept());
        let peer = peer.expect("connected");
        peer.set_nodelay(true).expect("an option");
        (ours.expect("accepted").0, peer)
    }

    async fn poll_once<IO>(low_water: &mut LowWater<IO>, io: &IO, missing: usize) {
        poll_fn(|cx| {
            low_water.poll(io, missing, cx);
            Poll::Ready(())
        })
        .await;
    }

    /// Returns the socket's mark when this number of bytes is missing.
    async fn mark(low_water: &mut LowWater<TcpStream>, io: &TcpStream, missing: usize) -> usize {
        poll_once(low_water, io, missing).await;
        getsockopt(io, socket::ReceiveLowWater).expect("an option")
    }

    fn half_a_minute() -> TransportConfig {
        TransportConfig::default().incomplete_message_timeout(Some(Duration::from_secs(30)))
    }

    /// Sends `count` single bytes, with this pause before each.
    async fn trickle(peer: &mut TcpStream, count: usize, pause: Duration) {
        for _ in 0..count {
            tokio::time::sleep(pause).await;
            peer.write_all(b"1").await.expect("sent");
        }
    }

    async fn next_length(ours: &mut Connection<TcpStream>) -> Result<Option<usize>, ConnectionError> {
        ours.next(|frame| Ok(frame.len())).await
    }

    #[tokio::test]
    async fn the_mark_is_what_is_missing_of_a_large_frame() {
        let (io, _peer) = link().await;
        let mut low_water = LowWater::new(&half_a_minute());
        for (missing, expected) in [
            (1, LOWEST),
            (WORTHWHILE - 1, LOWEST),
            (WORTHWHILE, WORTHWHILE),
            (usize::MAX, HIGHEST),
            (HIGHEST + 1, HIGHEST),
            (20_000, 20_000),
            (WORTHWHILE - 1, LOWEST),
            (20_000, 20_000),
        ] {
            assert_eq!(mark(&mut low_water, &io, missing).await, expected, "{missing}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_is_slow_is_listened_to_until_its_frame_ends() {
        let (io, _peer) = link().await;
        let mut low_water = LowWater::new(&half_a_minute());
        for missing in [30_000, 29_000, 28_000] {
            assert_eq!(mark(&mut low_water, &io, missing).await, missing);
            advance(PATIENCE * 9 / 10).await;
        }
        advance(PATIENCE).await;
        for missing in [28_000, 27_000] {
            assert_eq!(mark(&mut low_water, &io, missing).await, LOWEST);
        }
        assert_eq!(mark(&mut low_water, &io, 1).await, LOWEST);
        assert_eq!(mark(&mut low_water, &io, 30_000).await, 30_000);
    }

    #[tokio::test]
    async fn a_short_timeout_or_another_kind_of_link_leaves_it_alone() {
        let (io, _peer) = link().await;
        let config = TransportConfig::default().incomplete_message_timeout(Some(PATIENCE * 9));
        assert_eq!(mark(&mut LowWater::new(&config), &io, 30_000).await, LOWEST);

        let (io, _peer) = duplex(1);
        let mut low_water = LowWater::<DuplexStream>::new(&half_a_minute());
        poll_once(&mut low_water, &io, 30_000).await;
        assert!(low_water.set.is_none() && low_water.raised.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_less_than_the_mark_is_read_when_patience_is_over() {
        let (ours, mut peer) = link().await;
        let mut ours = Connection::new(ours, &half_a_minute());
        let mut received = async |within| {
            let next = timeout(within, poll_fn(|cx| ours.poll_segment(cx))).await;
            let is_received = next.is_ok_and(|segment| segment.is_ok());
            assert!(
                ours.next_frame(&mut ByteString::new())
                    .is_ok_and(|frame| frame.is_none())
            );
            is_received
        };
        peer.write_all(b"100000#1").await.expect("sent");
        assert!(received(PATIENCE / 4).await, "the mark is the lowest");
        assert!(!received(PATIENCE / 4).await, "nothing is there");
        peer.write_all(b"1").await.expect("sent");
        assert!(!received(PATIENCE / 4).await, "too little is there");
        peer.write_all(&[b'1'; HIGHEST]).await.expect("sent");
        assert!(received(PATIENCE / 4).await, "enough is there");
        assert!(!received(PATIENCE / 4).await, "nothing is there");
        peer.write_all(b"1").await.expect("sent");
        assert!(received(PATIENCE).await, "patience is over");
    }

    #[tokio::test(start_paused = true)]
    async fn half_a_frame_is_in_time_with_each_byte_below_the_mark() {
        let (ours, mut peer) = link().await;
        let mut ours = Connection::new(ours, &half_a_minute());
        peer.write_all(b"100000#").await.expect("sent");
        let start = Instant::now();
        let (ended, ()) = tokio::join!(next_length(&mut ours), trickle(&mut peer, 5, Duration::from_secs(29)));
        assert!(matches!(ended, Err(ConnectionError::IncompleteMessage(_))), "{ended:?}");
        let lasted = start.elapsed() - Duration::from_secs(5 * 29 + 30);
        assert!(lasted <= 2 * PATIENCE, "{lasted:?} too late");
    }

    #[tokio::test]
    async fn frames_of_all_sizes_arrive_in_segments_of_all_sizes() {
        let (ours, mut peer) = link().await;
        let mut ours = Connection::new(ours, &half_a_minute());
        let lengths = [WORTHWHILE, HIGHEST, 100_000].map(|length| length - 3..length + 3);
        let lengths: Vec<usize> = lengths.into_iter().flatten().collect();
        let frames = lengths.iter().map(|length| format!("{length}#{}", "1".repeat(*length)));
        let stream = frames.collect::<String>();
        let segments = [1, 1000, 30_000].into_iter().cycle();
        let sending = async {
            let mut rest = stream.as_bytes();
            for length in segments {
                let (segment, others) = rest.split_at(rest.len().min(length));
                peer.write_all(segment).await.expect("sent");
                tokio::task::yield_now().await;
                rest = others;
                if rest.is_empty() {
                    break;
                }
            }
        };
        let receiving = async {
            for length in &lengths {
                assert_eq!(next_length(&mut ours).await.expect("frames"), Some(*length));
            }
        };
        tokio::join!(sending, receiving);
    }
}
