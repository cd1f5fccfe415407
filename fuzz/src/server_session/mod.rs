//! A session of the server with a hostile caller.

mod expected;
mod handlers;
mod played;

use std::{collections::HashMap, time::Duration};

use nest_wire::{
    Compat,
    codec::FrameDecoder,
    connection,
    packet::{IncomingReply, ReplyOutcome},
    server::Limits,
};

use self::{
    expected::Expected,
    played::{Played, Setup, play},
};
use crate::script::{Step, steps};

/// Longer inputs are cut: they only repeat the same effects.
const MAX_INPUT_BYTES: usize = 4096;
/// Length up to which the output of a segment is held until the end of that segment.
const HELD_BACK_BYTES: usize = 32 * 1024;

/// Asserts that a session neither panics nor hangs, sends only well-formed frames, and answers each
/// request with one end that has the request's id. Unless the framing is broken, it sends the same
/// however the script's bytes are cut. It keeps these promises under tight limits too, where it may
/// answer less.
///
/// The input is a [script](crate::script).
pub fn server_session(input: &[u8]) {
    let script = steps(&input[..input.len().min(MAX_INPUT_BYTES)], &[]);
    let expected = Expected::of(&script);
    let played = play(&script, &Setup::default());
    let replies = Replies::read(&played, true);
    replies.assert(&expected);

    let trickled = recut(&script, 7);
    if !expected.breaks_framing && !Expected::of(&trickled).breaks_framing {
        let again = Replies::read(&play(&trickled, &Setup::default()), true);
        let (again, before) = (again.comparable(&expected), replies.comparable(&expected));
        assert_eq!(again, before, "the cuts changed the replies");
    }

    let limited = Replies::read(&play(&script, &tight()), false);
    limited.assert_at_most(&expected.requests);
}

/// Limits that fuzzed input reaches.
fn tight() -> Setup {
    Setup {
        connection: connection::TransportConfig::default()
            .max_buffer_size(512)
            .max_send_buffer_size(4096)
            .incomplete_message_timeout(Some(Duration::from_secs(4))),
        limits: Limits::default()
            .max_in_flight_per_connection(2)
            .max_in_flight(2)
            .idle_timeout(Duration::from_secs(3))
            .max_age(Duration::from_secs(20)),
        stops_after: Some(Duration::from_secs(7)),
        capacity: 256,
    }
}

/// Returns the same bytes in segments of at most `size` bytes.
fn recut(script: &[Step], size: usize) -> Vec<Step> {
    let pieces = script.iter().flat_map(|step| match step {
        Step::Send(bytes) => bytes.chunks(size).map(|piece| Step::Send(piece.to_vec())).collect(),
        other => vec![other.clone()],
    });
    pieces.collect()
}

/// The replies of a session.
struct Replies {
    /// The texts for each id, in their order.
    texts: HashMap<String, Vec<String>>,
    /// Number of packets for each id that end a call.
    ends: HashMap<String, usize>,
    is_short: bool,
}

impl Replies {
    /// Reads the frames of an output. If the output `is_whole`, it must end between two frames.
    fn read(played: &Played, is_whole: bool) -> Self {
        let mut decoder = FrameDecoder::default();
        decoder.push(&played.output);
        let mut replies = Self {
            texts: HashMap::new(),
            ends: HashMap::new(),
            is_short: played.output.len() < HELD_BACK_BYTES,
        };
        while let Some(text) = decoder.next_frame().expect("the service frames well") {
            let reply = IncomingReply::read(&text, Compat::default()).expect("the service sends JSON");
            let id = reply.id.expect("each reply has an id").to_string();
            let texts = replies.texts.entry(id.clone()).or_default();
            texts.push(text.to_string());
            if !matches!(reply.outcome, ReplyOutcome::Value(_)) {
                *replies.ends.entry(id).or_default() += 1;
            }
        }
        assert!(decoder.is_at_boundary() || !is_whole, "the last frame is cut");
        replies
    }

    /// Returns the texts. Replies to several requests of one id are sorted, since their order
    /// depends on when each request arrives.
    fn comparable(&self, expected: &Expected) -> HashMap<String, Vec<String>> {
        let mut texts = self.texts.clone();
        for (id, texts) in &mut texts {
            if expected.requests[id] > 1 {
                texts.sort();
            }
        }
        texts
    }

    fn assert(&self, expected: &Expected) {
        if expected.breaks_framing && self.is_short {
            // `docs/PROTOCOL.md` §3.6: the replies to the segment that breaks the framing are lost,
            // and all later ones.
            self.assert_at_most(&expected.before_break);
        } else {
            self.assert_at_most(&expected.requests);
        }
        for id in expected.answered() {
            assert_eq!(self.ends.get(id), expected.requests.get(id), "ends of {id}");
            let last = self.texts[id].last().expect("there is one");
            let last = IncomingReply::read(&last.as_str().into(), Compat::default()).expect("read before");
            assert!(
                !matches!(last.outcome, ReplyOutcome::Value(_)),
                "values after the end of {id}"
            );
        }
    }

    fn assert_at_most(&self, requests: &HashMap<String, usize>) {
        for id in self.texts.keys() {
            let requests = requests
                .get(id)
                .unwrap_or_else(|| panic!("a reply to {id}, which asked nothing"));
            let ends = self.ends.get(id).copied().unwrap_or(0);
            assert!(ends <= *requests, "{ends} ends for {requests} requests of {id}");
        }
    }
}
