//! Recordings: reading and writing is a round trip, and a conversation does not depend on the
//! segments.

use nest_wire::recording::{Content, Conversation, Event, Recording};

/// Maximum number of connections of a recording whose conversations are compared.
const MAX_CONNECTIONS: u32 = 3;

/// Asserts that a recording that was read is written and read as the same, that an error names a
/// line of the text, if any, and that a conversation is the same if its bytes arrive one by one.
pub fn recordings(input: &[u8]) {
    let text = &*String::from_utf8_lossy(input);
    let recording = match Recording::read(text) {
        Ok(recording) => recording,
        Err(error) => {
            let lines = text.lines().count() as u64;
            assert!(
                error.line().is_none_or(|line| (1..=lines).contains(&line)),
                "{error} in {text:?}"
            );
            return;
        }
    };
    let written = recording.to_json_lines();
    let again = Recording::read(&written).expect("what is written can be read");
    assert_eq!(again, recording);
    assert_eq!(again.to_json_lines(), written);
    assert_eq!(written.lines().count(), 1 + recording.events.len());

    let trickled = byte_by_byte(&recording);
    assert_eq!(trickled.connections(), recording.connections());
    for connection in 0..=recording.connections().min(MAX_CONNECTIONS) {
        let said = |recording| format!("{:?}", Conversation::from_recording(recording, connection));
        assert_eq!(said(&trickled), said(&recording), "the cuts changed what was said");
    }
}

fn byte_by_byte(recording: &Recording) -> Recording {
    let bytes = recording.events.iter().flat_map(|event| match &event.content {
        Content::Segment(bytes) if !bytes.is_empty() => {
            let parts = (0..bytes.len()).map(|at| Content::Segment(bytes.slice(at..=at)));
            parts
                .map(|part| Event::new(event.connection, event.from, part))
                .collect()
        }
        _ => vec![event.clone()],
    });
    Recording::from_events(bytes.collect())
}
