//! How calls end and what goes wrong on connections, with the names for metrics and spans.

/// How a call ended. The names are values of the label `outcome`, and of `error.type` in spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The call had a reply without an error, or the event was handled or written.
    Ok,
    /// The handler, or the called service, replied with an error.
    Error,
    /// The payload or the metadata did not fit the handler.
    Rejected,
    NoHandler,
    Panicked,
    /// A limit of the service was reached, or the service was stopping.
    Refused,
    /// The connection ended before a stream did, the runtime stopped, or the caller gave up.
    #[cfg_attr(not(feature = "metrics"), expect(dead_code, reason = "only metrics tell of it"))]
    Cancelled,
    Timeout,
    /// No connection could be made.
    Unreachable,
    /// The connection ended before the reply came.
    Disconnected,
    /// A limit of the client was reached.
    Overloaded,
    /// The client was closed.
    Closed,
}

impl Outcome {
    #[cfg_attr(
        not(feature = "metrics"),
        expect(dead_code, reason = "only metrics have a place for each")
    )]
    pub(crate) const COUNT: usize = Self::Closed as usize + 1;

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Rejected => "rejected",
            Self::NoHandler => "no_handler",
            Self::Panicked => "panicked",
            Self::Refused => "refused",
            Self::Cancelled => "cancelled",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::Disconnected => "disconnected",
            Self::Overloaded => "overloaded",
            Self::Closed => "closed",
        }
    }
}

/// Limits that may end a connection although its peer has sent nothing wrong, by the names of the
/// settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    IdleTimeout,
    MaxAge,
    MaxSendBufferSize,
}

impl Limit {
    #[cfg_attr(not(feature = "metrics"), expect(dead_code, reason = "only metrics name them"))]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::IdleTimeout => "idle_timeout",
            Self::MaxAge => "max_age",
            Self::MaxSendBufferSize => "max_send_buffer_size",
        }
    }
}

/// The faults of a peer on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The peer broke the framing.
    Framing,
    /// A frame contained no JSON.
    Packet,
    /// The peer left a frame incomplete for too long.
    Incomplete,
    /// The peer closed the connection inside a frame.
    Cut,
}

impl Fault {
    #[cfg_attr(not(feature = "metrics"), expect(dead_code, reason = "only metrics name them"))]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Framing => "framing",
            Self::Packet => "packet",
            Self::Incomplete => "incomplete",
            Self::Cut => "cut",
        }
    }
}
