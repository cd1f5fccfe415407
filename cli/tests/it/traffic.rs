//! Recordings made for a test, packet by packet.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use bytes::{Bytes, BytesMut};
use nest_wire::recording::{Content, Event, Recording, Side};

/// A recording of one connection that grows.
#[derive(Default)]
pub(crate) struct Traffic {
    pub(crate) about: BTreeMap<String, String>,
    events: Vec<Event>,
    micros: u64,
}

impl Traffic {
    /// Returns a recording of format 1.
    pub(crate) fn new() -> Self {
        let mut traffic = Self::default();
        traffic.about.insert("format".to_owned(), "1".to_owned());
        traffic
    }

    /// Lets time pass.
    pub(crate) fn after(&mut self, micros: u64) -> &mut Self {
        self.micros += micros;
        self
    }

    pub(crate) fn caller(&mut self, text: &str) -> &mut Self {
        self.bytes(Side::Caller, frame(text))
    }

    pub(crate) fn service(&mut self, text: &str) -> &mut Self {
        self.bytes(Side::Service, frame(text))
    }

    pub(crate) fn bytes(&mut self, from: Side, bytes: impl Into<Bytes>) -> &mut Self {
        self.event(from, Content::Segment(bytes.into()))
    }

    pub(crate) fn event(&mut self, from: Side, content: Content) -> &mut Self {
        let event = Event::new(1, from, content);
        self.events.push(match self.about.contains_key("format") {
            true => event.at(Duration::from_micros(self.micros)),
            // Recordings of format 0 have no times.
            false => event,
        });
        self
    }

    /// Adds a call that is answered after a millisecond.
    pub(crate) fn call(&mut self, id: usize, pattern: &str) -> &mut Self {
        self.caller(&format!(
            r#"{{"pattern":"{pattern}","data":{{"number":{id}}},"id":"{id}"}}"#
        ))
        .after(1_000)
        .service(&format!(r#"{{"response":{id},"isDisposed":true,"id":"{id}"}}"#))
    }

    pub(crate) fn write(self, file: impl AsRef<Path>) {
        let mut recording = Recording::from_events(self.events);
        recording.about = self.about;
        fs::write(file, recording.to_json_lines()).expect("a file");
    }
}

fn frame(text: &str) -> Bytes {
    let mut bytes = BytesMut::new();
    nest_wire::codec::encode(text, &mut bytes);
    bytes.freeze()
}
