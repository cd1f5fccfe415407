//! The limits of one connection, with Nest's names and defaults.

use std::time::Duration;

use super::framing::{Framing, MakeFraming};
use crate::codec::DEFAULT_MAX_BUFFER_UNITS;

/// Limits of one connection (`helpers/json-socket.js` of Nest 11 and 12), and its framing.
///
/// ```
/// use nest_wire::connection::TransportConfig;
///
/// let config = TransportConfig::default().max_buffer_size(1 << 20);
/// assert_eq!(config.max_buffer_size, 1 << 20);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TransportConfig {
    /// Maximum number of UTF-16 units of received text, headers included, that are buffered before
    /// they become frames. A peer that exceeds the limit has its connection closed.
    ///
    /// Protects against peers that announce a huge frame, or send a header without end, to fill the
    /// memory. Raise the limit for larger messages. Lower it to bound the memory that one peer can
    /// occupy; the total is that times the number of peers. With a [framing](Self::framing) of your
    /// own the limit counts bytes. Default: 134,217,728 (128 Mi), Nest's.
    pub max_buffer_size: usize,
    /// Maximum time that a frame may stay half received without a byte of it arriving; then the
    /// connection is cut.
    ///
    /// Protects against peers that open connections and never finish a frame ("slow loris"). Raise
    /// the timeout for peers that stall in the middle of a message, lower it to disconnect such
    /// peers sooner. A peer that trickles byte after byte never exceeds the timeout: against such
    /// peers a server has a maximum age of connections, `Limits::max_age`. `None` never expires,
    /// like 0 in Nest. On Linux a timeout of one second or more may expire a tenth of a second
    /// late: for a large frame, the system wakes the task only when enough bytes have arrived.
    /// Default: 30 seconds, Nest's.
    pub incomplete_message_timeout: Option<Duration>,
    /// Maximum number of bytes that are queued for a peer that does not read. If the queue exceeds
    /// the limit, the connection is cut.
    ///
    /// Protects against peers that request much and do not read the replies, which then fill the
    /// memory. Reading from such a peer pauses long before the limit, so only replies to requests
    /// already accepted can accumulate. Raise the limit where many large replies may be ready for
    /// one peer at once. Lower it to bound the memory that one such peer can occupy. [`usize::MAX`]
    /// means no limit, like 0 in Nest, which counts UTF-16 units here (`docs/PROTOCOL.md` §8.8).
    /// Default: 134,217,728 (128 MiB), Nest's.
    pub max_send_buffer_size: usize,
    /// True if each packet is written to the connection separately, as Nest does; false if packets
    /// that are ready together are written together.
    ///
    /// Use it for peers that take the result of one read for one frame. It makes that likely, not
    /// certain: TCP may still join packets or cut one, and then such a peer fails with Nest too. It
    /// costs one system call per packet, which is most of the cost of a small reply. Default:
    /// `false`.
    pub separate_writes: bool,
    /// The framing, unless it is Nest's own.
    pub(super) framing: Option<MakeFraming>,
}

impl TransportConfig {
    /// Sets [`TransportConfig::max_buffer_size`], in UTF-16 units.
    #[must_use]
    pub const fn max_buffer_size(mut self, units: usize) -> Self {
        self.max_buffer_size = units;
        self
    }

    /// Sets [`TransportConfig::incomplete_message_timeout`].
    #[must_use]
    pub const fn incomplete_message_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.incomplete_message_timeout = timeout;
        self
    }

    /// Sets [`TransportConfig::max_send_buffer_size`], in bytes.
    #[must_use]
    pub const fn max_send_buffer_size(mut self, bytes: usize) -> Self {
        self.max_send_buffer_size = bytes;
        self
    }

    /// Sets [`TransportConfig::separate_writes`].
    ///
    /// ```
    /// use nest_wire::connection::TransportConfig;
    ///
    /// let config = TransportConfig::default().separate_writes(true);
    /// # assert!(config.separate_writes);
    /// ```
    #[must_use]
    pub const fn separate_writes(mut self, is_on: bool) -> Self {
        self.separate_writes = is_on;
        self
    }

    /// Sets the framing, which frames and shapes packets: Nest's `socketClass`, `serializer` and
    /// `deserializer`. `make` is called for each connection. Default: `length#json`, as in Nest.
    ///
    /// Two configurations are equal only if they received their framing from the same call of this
    /// function.
    #[must_use]
    pub fn framing<F: Framing + 'static>(mut self, make: impl Fn() -> F + Send + Sync + 'static) -> Self {
        self.framing = Some(MakeFraming::new(make));
        self
    }
}

impl Default for TransportConfig {
    fn default() -> Self {
        Self {
            max_buffer_size: DEFAULT_MAX_BUFFER_UNITS,
            incomplete_message_timeout: Some(Duration::from_secs(30)),
            max_send_buffer_size: 134_217_728,
            separate_writes: false,
            framing: None,
        }
    }
}
