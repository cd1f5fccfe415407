//! Random conversations, cut into random segments that are repeated, overlap, come in another
//! order, are cut off or not captured at all, against the plainest oracle: which byte was captured
//! when.

use std::ops::Range;

use nest_wire::recording::Side;
use proptest::{collection::vec, option, prelude::*, sample::select};

use super::{
    Capture,
    event::{Action, Captured, Traffic},
    written::{Old, Tcp, caller, service},
};

/// What one side sends.
#[derive(Debug, Clone)]
struct Script {
    /// The sequence number of its SYN.
    initial: u32,
    /// Number of bytes.
    length: usize,
    segments: Vec<Sent>,
}

/// A segment, and what becomes of it.
#[derive(Debug, Clone)]
struct Sent {
    range: Range<usize>,
    /// When it arrives, compared to others.
    due: usize,
    /// Number of bytes that were captured, at most; none if the packet was not captured.
    captured: Option<usize>,
    /// True if the peer sends an acknowledgment at once.
    is_answered: bool,
}

/// What becomes of a segment.
fn fate() -> impl Strategy<Value = (usize, Option<usize>, bool)> {
    let captured = option::weighted(0.85, prop_oneof![9 => Just(usize::MAX), 1 => 0_usize..100]);
    (0_usize..1500, captured, any::<bool>())
}

fn script() -> impl Strategy<Value = Script> {
    let initial = prop_oneof![any::<u32>(), u32::MAX - 3000..=u32::MAX, select(vec![0, u32::MAX])];
    let parts = vec((1_usize..300, fate()), 0..25);
    let copies = vec((0_usize..100, 1_usize..500, fate()), 0..12);
    (initial, parts, copies).prop_map(|(initial, parts, copies)| {
        let mut length = 0;
        let mut segments = Vec::new();
        for (size, fate) in parts {
            segments.push(Sent::new(length..length + size, fate));
            length += size;
        }
        for (percent, size, fate) in copies {
            let start = length * percent / 100;
            segments.push(Sent::new(start..(start + size).min(length), fate));
        }
        Script {
            initial,
            length,
            segments,
        }
    })
}

impl Sent {
    fn new(range: Range<usize>, (delay, captured, is_answered): (usize, Option<usize>, bool)) -> Self {
        Self {
            due: range.start + delay,
            range,
            captured,
            is_answered,
        }
    }
}

/// Returns the byte that a side sends at this offset.
fn byte(from: Side, offset: usize) -> u8 {
    (offset % 251) as u8 ^ (from as u8)
}

/// The first packet that shows each byte of each side; `usize::MAX` if none does.
type Shown = [Vec<usize>; 2];

/// The two sides, as they send.
struct Peers<'a> {
    scripts: [&'a Script; 2],
    /// Which bytes of each side have arrived.
    arrived: [Vec<bool>; 2],
    has_acknowledgments: bool,
    /// The packets of the capture. Their times are their indices, in milliseconds.
    file: Old,
    count: usize,
    /// The first packet that shows each byte of each side.
    shown: Shown,
}

impl Peers<'_> {
    /// Returns an empty segment of a side, with this offset.
    fn segment(&self, from: Side, offset: usize) -> Tcp {
        let [mine, others] = match from {
            Side::Caller => self.scripts,
            Side::Service => [self.scripts[1], self.scripts[0]],
        };
        let arrived = &self.arrived[1 - from as usize];
        let in_order = if self.has_acknowledgments {
            arrived.iter().take_while(|has_arrived| **has_arrived).count()
        } else {
            0
        };
        let sequence = mine.initial.wrapping_add(1 + offset as u32);
        let acknowledgment = others.initial.wrapping_add(1 + in_order as u32);
        match from {
            Side::Caller => caller(sequence),
            Side::Service => service(sequence),
        }
        .ack(acknowledgment)
    }

    fn capture(&mut self, from: Side, packet: &Tcp, shown: Range<usize>, cut: usize) {
        let packet = packet.ethernet();
        self.file
            .snapped(self.count as u64 * 1_000_000, &packet, packet.len() - cut);
        for first in &mut self.shown[from as usize][shown] {
            *first = self.count.min(*first);
        }
        self.count += 1;
    }

    fn send(&mut self, from: Side, sent: &Sent) {
        let data: Vec<u8> = sent.range.clone().map(|offset| byte(from, offset)).collect();
        let packet = self.segment(from, sent.range.start).data(&data);
        self.arrived[from as usize][sent.range.clone()].fill(true);
        if let Some(limit) = sent.captured {
            let cut = data.len().saturating_sub(limit);
            self.capture(from, &packet, sent.range.start..sent.range.end - cut, cut);
        }
        if sent.is_answered {
            let peer = if from == Side::Caller {
                Side::Service
            } else {
                Side::Caller
            };
            let packet = self.segment(peer, 0);
            self.capture(peer, &packet, 0..0, 0);
        }
    }
}

/// Returns the conversation as a capture, and which packets show what.
fn captured(scripts: [&Script; 2], has_acknowledgments: bool) -> (Vec<u8>, Shown) {
    let mut peers = Peers {
        scripts,
        arrived: scripts.map(|script| vec![false; script.length]),
        has_acknowledgments,
        file: Old::new(1, false, false),
        count: 0,
        shown: scripts.map(|script| vec![usize::MAX; script.length]),
    };
    let (syn, answer) = (caller(scripts[0].initial).syn(), service(scripts[1].initial).syn());
    peers.capture(Side::Caller, &syn, 0..0, 0);
    let answer = answer.ack(scripts[0].initial.wrapping_add(1));
    peers.capture(Side::Service, &answer, 0..0, 0);
    let of = |from, script: &Script| script.segments.clone().into_iter().map(move |sent| (from, sent));
    let mut all: Vec<_> = of(Side::Caller, scripts[0])
        .chain(of(Side::Service, scripts[1]))
        .collect();
    all.sort_by_key(|(_, sent)| sent.due);
    for (from, sent) in &all {
        peers.send(*from, sent);
    }
    for (from, script) in [(Side::Caller, scripts[0]), (Side::Service, scripts[1])] {
        let packet = peers.segment(from, script.length).fin();
        peers.capture(from, &packet, 0..0, 0);
    }
    (peers.file.bytes(), peers.shown)
}

/// Checks what was read of one side, piece by piece.
fn check(from: Side, shown: &[usize], traffic: &[Traffic]) {
    let mut next = 0;
    let mut was_missing = false;
    for Traffic { at, action, .. } in traffic.iter().filter(|traffic| traffic.from == from) {
        let is_captured = |first: &usize| *first <= at.as_millis() as usize;
        let (size, bytes) = match action {
            Action::Bytes(bytes) => (bytes.len(), Some(bytes)),
            Action::Missing(size) => (*size as usize, None),
            Action::Cut { bytes, .. } => (*bytes as usize, None),
            Action::Ended => {
                assert_eq!(next, shown.len(), "each byte is there, or is missing");
                continue;
            }
            _ => continue,
        };
        let is_missing = matches!(action, Action::Missing(_));
        assert!(!(was_missing && is_missing), "a hole is declared as one");
        assert!(size > 0, "{action:?}");
        was_missing = is_missing;
        match bytes {
            Some(bytes) => {
                let sent: Vec<_> = (next..next + size).map(|offset| byte(from, offset)).collect();
                assert_eq!(bytes, &sent, "bytes come once and in order");
            }
            None => assert!(
                !shown[next..next + size].iter().any(is_captured),
                "nothing captured is lost"
            ),
        }
        next += size;
    }
    let ends = traffic
        .iter()
        .filter(|traffic| traffic.from == from && traffic.action == Action::Ended);
    assert_eq!(ends.count(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_captured_byte_comes_once_and_in_order_and_each_hole_has_its_size(
        (caller, service, has_acknowledgments) in (script(), script(), any::<bool>()),
    ) {
        let (file, shown) = captured([&caller, &service], has_acknowledgments);
        let items = Capture::open(&file[..], None).expect("it is a capture");
        let traffic: Vec<_> = items
            .filter_map(|item| match item.expect("it is whole") {
                Captured::Traffic(traffic) => Some(traffic),
                Captured::Summary(_) => None,
            })
            .collect();
        prop_assert!(traffic.iter().all(|traffic| traffic.connection == 1));
        check(Side::Caller, &shown[0], &traffic);
        check(Side::Service, &shown[1], &traffic);
    }
}
