//! The life of a connection as a pure state machine: an event goes in, a state comes out. It has no
//! I/O and no time.

/// The states of a connection.
///
/// ```text
///   Accepting ──Stop──► Draining ──LastCalls──► Refusing
///       │                  │                       │
///       │                  └────────Leave──────────┴───► Leaving ──LingerOver──► Over
///       │                                                ▲     │
///       ├──BadFrame (from Draining and Refusing too)──► Faulted │
///       │                                       Stop ────┘     │
///       └──PeerClosed (from everywhere)──► PeerClosed ─────────┴──our side is closed──► Over
/// ```
///
/// | state | replies | requests | events | ends |
/// | --- | --- | --- | --- | --- |
/// | `Accepting` | are sent | run | run | |
/// | `Draining` | are sent | run | run | at the first quiet moment |
/// | `Refusing` | are sent | are answered with an error | run | when nothing is in flight, or at the deadline |
/// | `Leaving` | are dropped | are dropped | run | when the peer has closed too, or after a second |
/// | `Faulted` | are dropped | run, as in Nest | run | when the peer has closed too |
/// | `PeerClosed` | those that are queued are sent | - | - | when our side is closed too; when it drains, a second after the deadline |
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Life {
    #[default]
    Accepting,
    Draining,
    Refusing,
    Leaving(OurSide),
    /// The peer broke the framing. As in Nest, only our own side is closed.
    Faulted(OurSide),
    PeerClosed,
    Over,
}

/// Progress of closing our side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OurSide {
    /// Queued replies are sent first.
    Closing,
    Closed,
}

/// The events of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// The service stops, or the connection is idle or too old.
    Stop,
    /// Too little time is left to answer new requests.
    LastCalls,
    /// Nothing is in flight and nothing is unread, or the deadline has come.
    Leave,
    /// The peer broke the framing.
    BadFrame,
    /// The peer has closed its side.
    PeerClosed,
    /// Our side is closed.
    SideClosed,
    /// The peer had its time to close its side too.
    LingerOver,
}

impl Life {
    /// Returns the state after `event`. An event without a meaning in a state does not change it.
    pub(super) const fn after(self, event: Event) -> Self {
        use OurSide::{Closed, Closing};
        match (self, event) {
            (Self::Accepting, Event::Stop) => Self::Draining,
            (Self::Draining, Event::LastCalls) => Self::Refusing,
            (Self::Draining | Self::Refusing, Event::Leave) => Self::Leaving(Closing),
            (Self::Accepting | Self::Draining | Self::Refusing, Event::BadFrame) => Self::Faulted(Closing),
            (Self::Faulted(side), Event::Stop) => Self::Leaving(side),
            (Self::Leaving(Closing), Event::SideClosed) => Self::Leaving(Closed),
            (Self::Faulted(Closing), Event::SideClosed) => Self::Faulted(Closed),
            (Self::Leaving(Closed) | Self::Faulted(Closed), Event::PeerClosed)
            | (Self::PeerClosed, Event::SideClosed)
            | (Self::Leaving(_) | Self::PeerClosed, Event::LingerOver) => Self::Over,
            (Self::Over, _) => Self::Over,
            (_, Event::PeerClosed) => Self::PeerClosed,
            (state, _) => state,
        }
    }

    /// Returns true if replies are sent.
    pub(super) const fn answers(self) -> bool {
        matches!(self, Self::Accepting | Self::Draining | Self::Refusing)
    }

    /// Returns true if the peer is read.
    pub(super) const fn reads(self) -> bool {
        !matches!(self, Self::PeerClosed | Self::Over)
    }

    /// Returns true if our side must be closed once everything queued is sent.
    pub(super) const fn is_closing(self) -> bool {
        matches!(
            self,
            Self::PeerClosed | Self::Leaving(OurSide::Closing) | Self::Faulted(OurSide::Closing)
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            Just(Event::Stop),
            Just(Event::LastCalls),
            Just(Event::Leave),
            Just(Event::BadFrame),
            Just(Event::PeerClosed),
            Just(Event::SideClosed),
            Just(Event::LingerOver),
        ]
    }

    fn after_all(events: &[Event]) -> Life {
        events.iter().fold(Life::default(), |life, event| life.after(*event))
    }

    /// Returns the distance of a state from the beginning: no event leads back.
    const fn rank(life: Life) -> u8 {
        match life {
            Life::Accepting => 0,
            Life::Draining => 1,
            Life::Refusing => 2,
            Life::Faulted(OurSide::Closing) => 3,
            Life::Faulted(OurSide::Closed) => 4,
            Life::Leaving(OurSide::Closing) => 4,
            Life::Leaving(OurSide::Closed) => 5,
            Life::PeerClosed => 6,
            Life::Over => 7,
        }
    }

    proptest! {
        #[test]
        fn no_event_leads_back(events in proptest::collection::vec(event(), 0..12), last in event()) {
            let before = after_all(&events);
            let after = before.after(last);
            prop_assert!(after == before || rank(after) > rank(before), "{before:?}, {last:?}, {after:?}");
        }

        #[test]
        fn a_side_that_is_closed_never_answers_again(
            before in proptest::collection::vec(event(), 0..8),
            later in proptest::collection::vec(event(), 0..8),
        ) {
            if !after_all(&before).answers() {
                prop_assert!(!after_all(&[before, later].concat()).answers());
            }
        }

        #[test]
        fn a_stopped_connection_ends_whatever_its_peer_does(events in proptest::collection::vec(event(), 0..12)) {
            let end = [Event::Stop, Event::LastCalls, Event::Leave, Event::SideClosed, Event::LingerOver];
            prop_assert_eq!(after_all(&[&events[..], &end].concat()), Life::Over);
        }

        #[test]
        fn a_peer_that_closes_ends_it_once_our_side_is_closed(events in proptest::collection::vec(event(), 0..12)) {
            let end = [Event::PeerClosed, Event::SideClosed];
            prop_assert_eq!(after_all(&[&events[..], &end].concat()), Life::Over);
        }
    }
}
