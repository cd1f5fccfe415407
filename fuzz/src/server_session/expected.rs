//! The requests of a script.

use std::collections::{HashMap, HashSet};

use nest_wire::{
    Compat,
    codec::FrameDecoder,
    packet::IncomingRequest,
    pattern::{IncomingPattern, Pattern},
};

use super::handlers::LONG;
use crate::script::Step;

/// Maximum time in seconds that a script may wait if all of its requests must be answered: an
/// incomplete frame is cut off after 30.
const MAX_WAITS: usize = 20;

/// The requests of a script.
#[derive(Debug, Default)]
pub(super) struct Expected {
    /// Number of requests for each id, as the id comes back.
    pub(super) requests: HashMap<String, usize>,
    /// The same without the segment that breaks the framing and everything after it.
    pub(super) before_break: HashMap<String, usize>,
    pub(super) breaks_framing: bool,
    /// Ids of requests whose reply ends after the script.
    long: HashSet<String>,
    /// Whether the caller waits for all replies.
    is_patient: bool,
}

impl Expected {
    pub(super) fn of(script: &[Step]) -> Self {
        let waits = script.iter().filter(|step| **step == Step::Wait).count();
        let mut expected = Self {
            is_patient: waits <= MAX_WAITS && !script.contains(&Step::Close),
            ..Self::default()
        };
        let mut decoder = FrameDecoder::default();
        for step in script {
            if let Step::Send(segment) = step {
                expected.take(&mut decoder, segment);
            }
        }
        expected
    }

    /// Returns the ids whose requests must all have an end.
    pub(super) fn answered(&self) -> impl Iterator<Item = &String> {
        let all = self.requests.keys().filter(|id| !self.long.contains(*id));
        all.filter(|_| self.is_patient && !self.breaks_framing)
    }

    fn take(&mut self, decoder: &mut FrameDecoder, segment: &[u8]) {
        decoder.push(segment);
        let before = (!self.breaks_framing).then(|| self.requests.clone());
        loop {
            match decoder.next_frame() {
                Ok(None) => break,
                Ok(Some(text)) => match IncomingRequest::read(&text) {
                    Ok(packet) => {
                        self.count(&packet);
                        continue;
                    }
                    Err(_) => decoder.abandon(),
                },
                Err(_) => {}
            }
            self.breaks_framing = true;
            break;
        }
        if let Some(before) = before {
            self.before_break = if self.breaks_framing {
                before
            } else {
                self.requests.clone()
            };
        }
    }

    fn count(&mut self, packet: &IncomingRequest) {
        let Some(id) = &packet.id else { return };
        *self.requests.entry(id.to_string()).or_default() += 1;
        let Some(pattern) = &packet.pattern else { return };
        let compat = Compat::default();
        let incoming = IncomingPattern::read(pattern.as_str(), compat).expect("it was read as JSON");
        if incoming.route() == Some(&Pattern::from(LONG).route(compat)) {
            self.long.insert(id.to_string());
        }
    }
}
