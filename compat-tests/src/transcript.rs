//! A proxy's record, made comparable.

use bytes::BytesMut;
use nest_wire::{
    codec::encode,
    recording::{Conversation, Event, Recording, Said, Side},
};

/// The packets of both sides, without ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcript {
    /// The caller's packets.
    pub caller: Vec<String>,
    /// The service's packets.
    pub service: Vec<String>,
}

impl Transcript {
    /// Returns the packets of all connections, one connection after the other.
    ///
    /// # Panics
    /// Panics if a side broke the framing, or framed differently from this crate.
    #[must_use]
    pub fn of(events: Vec<Event>) -> Self {
        let recording = Recording::from_events(events);
        let mut all = Self {
            caller: Vec::new(),
            service: Vec::new(),
        };
        for connection in 1..=recording.connections() {
            let said = Conversation::from_recording(&recording, connection).expect("a conversation");
            assert_reencodes(&said.caller, &recording, connection, Side::Caller);
            assert_reencodes(&said.service, &recording, connection, Side::Service);
            all.caller.extend(said.caller.into_iter().map(|said| said.without_id));
            all.service.extend(said.service.into_iter().map(|said| said.without_id));
        }
        all
    }

    /// Sorts the packets, whatever connection each one took: Nest 7 opens one for every call made
    /// before the first is up.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.caller.sort();
        self.service.sort();
        self
    }
}

/// Checks that the recorded bytes are those that this crate writes. This compares the headers and
/// everything else except the ids.
fn assert_reencodes(said: &[Said], recording: &Recording, connection: u32, from: Side) {
    let mut ours = BytesMut::new();
    for said in said {
        encode(&said.text, &mut ours);
    }
    let theirs: Vec<u8> = recording.segments(connection, from).flatten().copied().collect();
    assert_eq!(ours, theirs, "the {from} frames otherwise than we do");
}
