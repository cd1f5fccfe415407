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
    /// How many UTF-16 units of received text may wait to become frames, headers included; more
    /// closes the connection.
    ///
    /// Against peers that announce a huge frame, or send a header without end, to fill the memory.
    /// Raise it for larger messages. Lower it to bound what one peer can make the process hold:
    /// times the number of peers. With a [framing](Self::framing) of your own it counts bytes.
    /// Default: 134,217,728 (128 Mi), Nest's.
    pub max_buffer_size: usize,
    /// How long a frame may stay half received without a byte of it arriving; then the connection
    /// is cut.
    ///
    /// Against peers that open connections and never finish a frame ("slow loris"). Raise it for
    /// peers that stall in the middle of a message, lower it to be rid of the others sooner. A peer
    /// that trickles byte after byte is in time: against those a server has a greatest age of
    /// connections, `Limits::max_age`. `None` waits for ever, as 0 does in Nest. On Linux a timeout
    /// of a second or more may end a tenth of a second late: of a large frame, the system wakes us
    /// only when enough of it has arrived. Default: 30 seconds, Nest's.
    pub incomplete_message_timeout: Option<Duration>,
    /// How many bytes may wait for a peer that does not read; more cuts the connection.
    ///
    /// Against peers that ask for much and do not take it, so that it fills our memory. Reading
    /// pauses long before, so that only answers to requests already taken can pile up. Raise it
    /// where many large answers may be ready for one peer at once. Lower it to bound what one such
    /// peer can make the process hold. [`usize::MAX`] is no limit, as 0 is in Nest, which counts
    /// UTF-16 units here (`docs/PROTOCOL.md` §8.8). Default: 134,217,728 (128 MiB), Nest's.
    pub max_send_buffer_size: usize,
    /// Whether each packet is given to the connection in a write of its own, as Nest does, and not
    /// those together that are ready together.
    ///
    /// For peers that take what one read returns for one frame. It makes that likely, no more: TCP
    /// may still join packets, or cut one, and then such a peer fails with Nest too. It costs a
    /// system call for each packet, which is most of what a small reply costs. Default: `false`.
    pub separate_writes: bool,
    /// What frames packets where it is not Nest's own way.
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

    /// Sets what frames and shapes packets: Nest's `socketClass`, `serializer` and `deserializer`.
    /// `make` is called for each connection. Default: `length#json`, as Nest.
    ///
    /// Two configurations are equal only if they got their framing from the same call of this.
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
