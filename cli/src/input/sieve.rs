//! Which connections of a capture are Nest's: those that begin with a frame.
//!
//! A capture holds all traffic. Without a port, the bytes decide: a connection is Nest's if one of
//! its sides begins with `digits#{` or `digits#[`; or anywhere, if the capture began after the
//! connection. TLS passes too, so that it can be named.

use std::collections::HashMap;

use nest_wire::recording::{Content, Event, Side};

use crate::traffic::diagnosis::{header_in, is_tls};

/// Maximum number of bytes of a side that are searched for a frame.
const SEARCHED: usize = 64 * 1024;
/// Maximum length of a header, in bytes.
const HEADER: usize = 10;

/// Sorts the connections of a capture.
#[derive(Debug, Default)]
pub(super) struct Sieve {
    connections: HashMap<u32, Verdict>,
    /// True if all connections pass: the user has named the port.
    passes_all: bool,
}

#[derive(Debug)]
enum Verdict {
    Undecided(Box<Undecided>),
    /// Nest's; true if the sides are the other way around.
    Nest {
        is_swapped: bool,
    },
    Other,
}

/// A connection that has shown too little so far.
#[derive(Debug, Default)]
struct Undecided {
    events: Vec<Event>,
    caller: Vec<u8>,
    service: Vec<u8>,
    begins_in_the_middle: bool,
}

impl Sieve {
    pub(super) fn new(passes_all: bool) -> Self {
        Self {
            passes_all,
            ..Self::default()
        }
    }

    /// Takes the beginning of a connection in.
    pub(super) fn open(&mut self, event: Event, begins_in_the_middle: bool) {
        let mut undecided = Undecided {
            begins_in_the_middle,
            ..Undecided::default()
        };
        let number = event.connection;
        if begins_in_the_middle {
            // What comes first may be the rest of a frame.
            for side in [Side::Caller, Side::Service] {
                let mut unknown = Event::new(number, side, Content::Missing(0));
                unknown.at = event.at;
                undecided.events.push(unknown);
            }
        } else {
            undecided.events.push(event);
        }
        self.connections.insert(number, Verdict::Undecided(Box::new(undecided)));
    }

    /// Takes an event in. Passes on what is Nest's.
    pub(super) fn take(&mut self, event: Event, mut pass: impl FnMut(Event)) {
        let number = event.connection;
        let verdict = self
            .connections
            .entry(number)
            .or_insert_with(|| Verdict::Undecided(Box::default()));
        match verdict {
            Verdict::Other => {}
            Verdict::Nest { is_swapped } => pass(turned(event, *is_swapped)),
            Verdict::Undecided(undecided) => {
                let decided = undecided.take(event);
                let decided = decided.or(self.passes_all.then_some(Verdict::Nest { is_swapped: false }));
                if let Some(decided) = decided {
                    let events = std::mem::take(&mut undecided.events);
                    if let Verdict::Nest { is_swapped } = decided {
                        events.into_iter().for_each(|event| pass(turned(event, is_swapped)));
                    }
                    *verdict = decided;
                }
            }
        }
    }

    /// Forgets a connection that is over.
    pub(super) fn forget(&mut self, connection: u32) {
        self.connections.remove(&connection);
    }
}

impl Undecided {
    fn take(&mut self, event: Event) -> Option<Verdict> {
        let head = match event.from {
            Side::Caller => &mut self.caller,
            Side::Service => &mut self.service,
        };
        if let Content::Segment(bytes) = &event.content {
            head.extend_from_slice(&bytes[..bytes.len().min(SEARCHED)]);
        }
        let verdict = match self.begins_in_the_middle {
            true => anywhere(head, event.from),
            false => at_the_beginning(head),
        };
        self.events.push(event);
        verdict
    }
}

/// Judges a side by its first bytes. `None`: there are too few.
fn at_the_beginning(head: &[u8]) -> Option<Verdict> {
    let digits = head.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match (digits, &head[digits..]) {
        _ if is_tls(head) => Some(Verdict::Nest { is_swapped: false }),
        (0, [] | [0x16]) => None,
        (1..HEADER, [] | [b'#']) => None,
        (1..HEADER, [b'#', b'{' | b'[', ..]) => Some(Verdict::Nest { is_swapped: false }),
        _ => Some(Verdict::Other),
    }
}

/// Judges a side by the first frame in it, whose members also show which side it is.
fn anywhere(head: &[u8], from: Side) -> Option<Verdict> {
    let Some(frame) = header_in(head) else {
        return (head.len() > SEARCHED).then_some(Verdict::Other);
    };
    let text = head[frame..].splitn(2, |byte| *byte == b'#').nth(1).unwrap_or_default();
    let is = |key: &str| text.starts_with(format!("{{\"{key}\"").as_bytes());
    let real = if is("pattern") {
        Side::Caller
    } else if ["response", "err", "isDisposed", "id"].into_iter().any(is) {
        Side::Service
    } else {
        from
    };
    Some(Verdict::Nest {
        is_swapped: real != from,
    })
}

fn turned(mut event: Event, is_swapped: bool) -> Event {
    if is_swapped {
        event.from = match event.from {
            Side::Caller => Side::Service,
            Side::Service => Side::Caller,
        };
    }
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(begins_in_the_middle: bool, segments: &[(Side, &str)]) -> Vec<(Side, String)> {
        let mut sieve = Sieve::new(false);
        sieve.open(
            Event::new(1, Side::Caller, Content::Opened("a".to_owned())),
            begins_in_the_middle,
        );
        let mut passed = Vec::new();
        for (side, text) in segments {
            let event = Event::new(1, *side, Content::Segment(text.to_string().into()));
            sieve.take(event, |event| {
                if let Content::Segment(bytes) = event.content {
                    passed.push((event.from, String::from_utf8(bytes.to_vec()).expect("text")));
                }
            });
        }
        passed
    }

    #[test]
    fn a_connection_that_begins_with_a_frame_passes_whole() {
        let segments = [
            (Side::Caller, "17"),
            (Side::Caller, "#"),
            (Side::Caller, "{\"pattern\":\"sum\"}"),
        ];
        assert_eq!(passed(false, &segments).len(), 3);
    }

    #[test]
    fn other_protocols_do_not_pass_even_if_a_frame_is_in_them() {
        let http = [
            (Side::Caller, "GET /61#{} HTTP/1.1\r\n"),
            (Side::Service, "HTTP/1.1 200 OK\r\n\r\n2#{}"),
        ];
        assert_eq!(passed(false, &http), []);
        assert_eq!(passed(false, &[(Side::Caller, "12345678901#{}")]), []);
    }

    #[test]
    fn in_the_middle_a_frame_tells_whose_side_it_is() {
        let segments = [
            (Side::Caller, "rest\"}61#{\"response\":6"),
            (Side::Service, "17#{\"pattern\":\"sum\"}"),
        ];
        let sides: Vec<Side> = passed(true, &segments).into_iter().map(|(side, _)| side).collect();
        assert_eq!(sides, [Side::Service, Side::Caller]);
    }
}
