//! How calls end and what goes wrong on connections, by the names that metrics and spans give them.

/// How a call ended. The names are values of the label `outcome`, and of `error.type` in spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Answered without an error; an event that was handled, or is out.
    Ok,
    /// The handler, or the service that was called, answered with an error.
    Error,
    /// The payload or the metadata did not fit the handler.
    Rejected,
    NoHandler,
    Panicked,
    /// A limit of the service's was reached.
    Refused,
    /// The connection ended before a stream did, the runtime stopped, or the caller gave up.
    #[cfg_attr(not(feature = "metrics"), expect(dead_code, reason = "only metrics tell of it"))]
    Cancelled,
    Timeout,
    /// There is no connection to be had.
    Unreachable,
    /// The connection ended before the answer came.
    Disconnected,
    /// A limit of the client's was reached.
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

/// What may end a connection although nothing is wrong with what was sent on it; by the names of
/// the settings.
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

/// What a peer did to a connection that it should not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It broke the framing.
    Framing,
    /// A frame held no JSON.
    Packet,
    /// It left a frame half sent for too long.
    Incomplete,
    /// It closed inside a frame.
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
