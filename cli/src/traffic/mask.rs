//! Takes secrets out of recorded traffic, before anything is written or shown.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use nest_wire::recording::{Content, Event, Side};

use super::{
    busy::Busy,
    diagnosis::{self, Diagnosis},
    frames::{Frame, Frames, Piece},
};
use crate::{plural::counted, pointer::Pointer};

/// The text in place of a masked value, as JSON.
const MASK: &str = "\"***\"";

/// Replaces the values that pointers name, and makes the headers right.
///
/// A mask needs whole frames: the bytes of a frame come out when its last byte went in. Bytes that
/// are not a frame pass exactly as they were, or not at all if the mask is strict. The member `id`
/// is never masked: it ties a reply to its request.
#[derive(Debug)]
pub(crate) struct Mask {
    pointers: Vec<(Pointer, u64)>,
    is_strict: bool,
    sides: HashMap<(u32, Side), Direction>,
    /// Number of pieces that no mask could be applied to.
    unmasked: u64,
    /// Number of directions of connections that are TLS.
    tls: u64,
    /// Connections on which something could not be read.
    unreadable: HashSet<u32>,
    /// The time of the last event.
    last: Option<Duration>,
}

/// The bytes of one side that have not come out yet.
#[derive(Debug, Default)]
struct Direction {
    frames: Frames,
    /// The bytes as they were sent, which `frames` does not keep.
    sent: BytesMut,
    has_begun: bool,
    is_tls: bool,
}

impl Mask {
    pub(crate) fn new(pointers: Vec<Pointer>, is_strict: bool) -> Self {
        Self {
            pointers: pointers.into_iter().map(|pointer| (pointer, 0)).collect(),
            is_strict,
            sides: HashMap::new(),
            unmasked: 0,
            tls: 0,
            unreadable: HashSet::new(),
            last: None,
        }
    }

    /// Returns true if there is nothing to mask.
    pub(crate) fn is_empty(&self) -> bool {
        self.pointers.is_empty()
    }

    /// Returns what the user has to know of what the mask could not do, a warning each.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let unused = self.pointers.iter().filter(|(_, matches)| *matches == 0);
        let mut warnings: Vec<String> = unused
            .map(|(pointer, _)| format!("--mask {pointer} matched nothing"))
            .collect();
        let fate = if self.is_strict { "dropped" } else { "not masked" };
        if self.unmasked > 0 {
            let pieces = counted(self.unmasked, "piece");
            warnings.push(format!("what is no packet was {fate}: {pieces}"));
        }
        if self.tls > 0 {
            warnings.push(format!("TLS was {fate}: its content cannot be read"));
        }
        warnings
    }

    /// Passes an event on as events without secrets.
    pub(crate) fn apply(&mut self, event: Event, mut pass: impl FnMut(Event)) {
        if self.is_empty() {
            return pass(event);
        }
        self.last = event.at;
        let (connection, from) = (event.connection, event.from);
        match &event.content {
            Content::Segment(bytes) => {
                let bytes = self.segment((connection, from), bytes);
                if !bytes.is_empty() {
                    let mut masked = event;
                    masked.content = Content::Segment(bytes);
                    pass(masked);
                }
                return;
            }
            Content::Missing(_) => {
                let mut gap = Direction::default();
                gap.frames.gap();
                gap.has_begun = true;
                gap.is_tls = self.sides.get(&(connection, from)).is_some_and(|side| side.is_tls);
                self.rest((connection, from), &mut pass);
                self.sides.insert((connection, from), gap);
            }
            Content::End => {
                self.rest((connection, from), &mut pass);
                if from == Side::Service {
                    // No reply can come any more.
                    self.unreadable.remove(&connection);
                }
            }
            Content::Reset => {
                self.unreadable.remove(&connection);
                for side in [Side::Caller, Side::Service] {
                    self.rest((connection, side), &mut pass);
                }
            }
            _ => {}
        }
        pass(event);
    }

    /// Adds the connections of which something is held back, or could not be read.
    pub(crate) fn add_busy(&self, busy: &mut Busy) {
        let partial = self.sides.iter().filter(|(_, side)| side.frames.has_partial_frame());
        busy.frames.extend(partial.map(|((connection, _), _)| *connection));
        busy.unreadable.extend(&self.unreadable);
    }

    /// Passes on what is left at the end of the traffic: the beginnings of frames.
    pub(crate) fn finish(&mut self, mut pass: impl FnMut(Event)) {
        let mut sides: Vec<_> = self.sides.keys().copied().collect();
        sides.sort_by_key(|(connection, from)| (*connection, *from == Side::Service));
        for side in sides {
            self.rest(side, &mut pass);
        }
    }

    /// Passes on the beginning of a frame that nothing follows, and forgets the side.
    fn rest(&mut self, key: (u32, Side), pass: &mut impl FnMut(Event)) {
        let Some(direction) = self.sides.remove(&key).filter(|side| !side.sent.is_empty()) else {
            return;
        };
        self.unmasked += 1;
        if !self.is_strict {
            let mut event = Event::new(key.0, key.1, Content::Segment(direction.sent.freeze()));
            event.at = self.last;
            pass(event);
        }
    }

    /// Returns the frames that these bytes complete, masked.
    fn segment(&mut self, key: (u32, Side), bytes: &Bytes) -> Bytes {
        let mut side = self.sides.remove(&key).unwrap_or_default();
        if !std::mem::replace(&mut side.has_begun, true) {
            side.is_tls = diagnosis::is_tls(bytes);
            self.tls += u64::from(side.is_tls);
            if side.is_tls {
                self.unreadable.insert(key.0);
            }
        }
        let masked = match (side.is_tls, self.is_strict) {
            (true, true) => Bytes::new(),
            (true, false) => bytes.clone(),
            (false, _) => self.frames(key.0, &mut side, bytes),
        };
        self.sides.insert(key, side);
        masked
    }

    fn frames(&mut self, connection: u32, side: &mut Direction, bytes: &[u8]) -> Bytes {
        side.frames.push(bytes);
        side.sent.extend_from_slice(bytes);
        let mut masked = BytesMut::new();
        while let Some(piece) = side.frames.next() {
            let done = side.sent.len() - side.frames.pending();
            let mut sent = side.sent.split_to(done);
            let (frame, why) = match piece {
                Piece::Frame(frame) => (frame, None),
                Piece::Broken { frame, why } if why.is_of_header_alone() => (frame, Some(why)),
                Piece::Broken { .. } | Piece::Skipped(_) => {
                    self.unmasked += 1;
                    self.unreadable.insert(connection);
                    self.unmaskable(&sent, &mut masked);
                    continue;
                }
            };
            // Before the frame may stand what was passed over to find it.
            let before = sent.split_to(sent.len() - frame.head - frame.bytes);
            self.unmaskable(&before, &mut masked);
            self.frame(&frame, why.as_ref(), &sent, &mut masked);
        }
        let done = side.sent.len() - side.frames.pending();
        let passed_over = side.sent.split_to(done);
        self.unmaskable(&passed_over, &mut masked);
        masked.freeze()
    }

    fn unmaskable(&self, sent: &[u8], masked: &mut BytesMut) {
        if !self.is_strict {
            masked.extend_from_slice(sent);
        }
    }

    /// Appends a frame without the values that pointers name; one that has none stays as it was sent.
    fn frame(&mut self, frame: &Frame, why: Option<&Diagnosis>, sent: &[u8], masked: &mut BytesMut) {
        let places = self.places(&frame.text);
        if places.is_empty() {
            return masked.extend_from_slice(sent);
        }
        let (head, body) = sent.split_at(frame.head);
        let mut text = body.to_vec();
        // From the end, so that places stay right.
        for place in places.iter().rev() {
            let place = sent_offset(body, place.start)..sent_offset(body, place.end);
            text.splice(place, MASK.bytes());
        }
        let read = String::from_utf8_lossy(&text);
        // A header that counts wrongly goes on to count so: that is what there is to see.
        match why {
            None => masked.extend_from_slice(format!("{}#", nest_wire::codec::units(&read)).as_bytes()),
            Some(Diagnosis::CountsBytes) => masked.extend_from_slice(format!("{}#", text.len()).as_bytes()),
            Some(Diagnosis::CountsCharacters) => {
                masked.extend_from_slice(format!("{}#", read.chars().count()).as_bytes());
            }
            Some(_) => masked.extend_from_slice(head),
        }
        masked.extend_from_slice(&text);
    }

    /// Returns where the values to mask stand in a text, in its order, none inside another.
    fn places(&mut self, text: &str) -> Vec<Range<usize>> {
        let id: Pointer = "/id".parse().expect("a pointer");
        let ids = id.find(text).unwrap_or_default();
        let is_of_id = |place: &Range<usize>| ids.iter().any(|id| id.start <= place.start && place.end <= id.end);
        let mut places = Vec::new();
        for (pointer, matches) in &mut self.pointers {
            let mut found = pointer.find(text).unwrap_or_default();
            found.retain(|place| !is_of_id(place));
            *matches += found.len() as u64;
            places.extend(found);
        }
        places.sort_by_key(|place| (place.start, std::cmp::Reverse(place.end)));
        let mut outermost: Vec<Range<usize>> = Vec::new();
        for place in places {
            if outermost.last().is_none_or(|last| last.end <= place.start) {
                outermost.push(place);
            }
        }
        outermost
    }
}

/// Returns where in the bytes a place of their text stands: bytes that are not UTF-8 are one
/// replacement character each there.
fn sent_offset(sent: &[u8], offset: usize) -> usize {
    let (mut read, mut at) = (0, 0);
    for chunk in sent.utf8_chunks() {
        let valid = chunk.valid().len();
        if offset <= read + valid {
            return at + offset - read;
        }
        read += valid + char::REPLACEMENT_CHARACTER.len_utf8();
        at += valid + chunk.invalid().len();
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(pointers: &[&str], is_strict: bool) -> Mask {
        let pointers = pointers.iter().map(|text| text.parse().expect("a pointer"));
        Mask::new(pointers.collect(), is_strict)
    }

    /// Masks bytes that come in pieces of this length, and end in the middle or not.
    fn sent(mask: &mut Mask, bytes: &[u8], length: usize, last: &[Content]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut keep = |event: Event| {
            if let Content::Segment(bytes) = event.content {
                out.extend_from_slice(&bytes);
            }
        };
        let segments = bytes
            .chunks(length)
            .map(|part| Content::Segment(Bytes::copy_from_slice(part)));
        for content in segments.chain(last.iter().cloned()) {
            mask.apply(Event::new(1, Side::Caller, content), &mut keep);
        }
        mask.finish(keep);
        out
    }

    fn masked(pointers: &[&str], is_strict: bool, bytes: &[u8], length: usize) -> (String, Mask) {
        let mut mask = mask(pointers, is_strict);
        let out = sent(&mut mask, bytes, length, &[Content::End]);
        (String::from_utf8(out).expect("text"), mask)
    }

    #[test]
    fn bytes_without_a_masked_value_come_out_exactly_as_they_went_in() {
        let (long, noise) = ("é".repeat(9_000_000), "\u{1}".repeat(10_000));
        for bytes in [
            b"\x16\x03\x01\x02\x00\x01\xff\xfe17#{\"data\":\"secret\"".to_vec(),
            b"4#\"\xff\xc3\"17#{\"pattern\":\"sum\"}".to_vec(),
            b"4\xff#null\xff12#{\"id\":\"\xc3\x28\"}".to_vec(),
            format!("{noise}17#{{\"pattern\":\"sum\"}}{noise}").into_bytes(),
            format!("{}#\"{long}\"4#null9", 9_000_002).into_bytes(),
            b"0#0#{0#{-1#{}5#hello  12#[1]3".to_vec(),
            b"GET / HTTP/1.1\r\n\r\n4#nul".to_vec(),
        ] {
            let lengths = if bytes.len() > 100_000 { 60_000..60_001 } else { 1..40 };
            for length in lengths {
                for last in [
                    &[][..],
                    &[Content::End],
                    &[Content::Reset],
                    &[Content::Missing(1), Content::End],
                ] {
                    let out = sent(&mut mask(&["/nothing"], false), &bytes, length, last);
                    assert!(out == bytes, "{length} {last:?}: {:?}", String::from_utf8_lossy(&out));
                }
            }
        }
    }

    #[test]
    fn what_precedes_a_frame_does_not_take_its_secret_with_it() {
        let frame = r#"30#{"data":{"password":"sesame"}}"#;
        for before in [
            "xx",
            "0#",
            "\u{1}",
            "5#hello",
            "GET / HTTP/1.1\r\n\r\n",
            "12#{\"a\":1}  ",
        ] {
            let bytes = format!("{before}{frame}");
            for length in 1..bytes.len() {
                let (out, _) = masked(&["/data/password"], false, bytes.as_bytes(), length);
                assert_eq!(
                    out,
                    format!(r#"{before}27#{{"data":{{"password":"***"}}}}"#),
                    "{length}"
                );
            }
        }
    }

    #[test]
    fn a_frame_whose_header_counts_bytes_or_characters_is_masked_and_goes_on_to_count_so() {
        let text = r#"{"a":"求😀","b":"求和😀"}"#;
        let expected = r#"{"a":"求😀","b":"***"}"#;
        let characters = |text: &str| text.chars().count();
        for length in [str::len, characters] {
            let bytes = format!("{}#{text}4#null", length(text));
            let (out, _) = masked(&["/b"], false, bytes.as_bytes(), bytes.len());
            assert_eq!(out, format!("{}#{expected}4#null", length(expected)));
        }
    }

    #[test]
    fn a_secret_beside_bytes_that_are_not_text_is_masked_and_they_stay() {
        let bytes = b"24#{\"a\":\"\xff\xc3\xe6\xb1\",\"b\":\"sesame\"}";
        let out = sent(&mut mask(&["/b"], false), bytes, bytes.len(), &[]);
        assert_eq!(out, b"21#{\"a\":\"\xff\xc3\xe6\xb1\",\"b\":\"***\"}");
    }

    #[test]
    fn an_id_is_never_masked() {
        let bytes = br#"30#{"id":{"a":1},"data":{"a":22}}"#;
        let (out, _) = masked(&["/*/a"], false, bytes, 100);
        assert_eq!(out, r#"33#{"id":{"a":1},"data":{"a":"***"}}"#);
        let (out, mask) = masked(&["/*", "/id"], false, bytes, 100);
        assert_eq!(out, r#"27#{"id":{"a":1},"data":"***"}"#);
        assert_eq!(mask.warnings(), ["--mask /id matched nothing"]);
    }

    #[test]
    fn nothing_is_kept_of_a_connection_that_has_ended() {
        for last in [Content::End, Content::Reset] {
            let mut mask = mask(&["/a"], false);
            sent(&mut mask, b"4#nul", 2, &[last]);
            assert!(mask.sides.is_empty());
        }
    }

    #[test]
    fn secrets_are_replaced_and_headers_are_right_however_bytes_are_cut() {
        let text = r#"{"pattern":"login","data":{"password":"求和😀","list":[{"token":1}]},"id":"a"}"#;
        let bytes = format!("{}#{text}4#null", nest_wire::codec::units(text));
        let expected = r#"79#{"pattern":"login","data":{"password":"***","list":[{"token":"***"}]},"id":"a"}4#null"#;
        for length in 1..bytes.len() {
            let pointers = ["/data/password", "/data/list/*/token", "/data/pasword"];
            let (out, mask) = masked(&pointers, false, bytes.as_bytes(), length);
            assert_eq!(out, expected);
            assert_eq!(mask.warnings(), ["--mask /data/pasword matched nothing"]);
        }
    }

    #[test]
    fn one_mask_inside_another_is_one_mask() {
        let (out, _) = masked(&["/data", "/data/a"], false, br#"28#{"pattern":1,"data":{"a":2}}"#, 100);
        assert_eq!(out, r#"26#{"pattern":1,"data":"***"}"#);
    }

    #[test]
    fn what_is_no_frame_passes_unless_the_mask_is_strict() {
        let bytes = b"5#hello7#{\"a\":1}9#{\"a\"";
        let (out, mask) = masked(&["/a"], false, bytes, 5);
        assert_eq!((out.as_str(), mask.unmasked), ("5#hello11#{\"a\":\"***\"}9#{\"a\"", 2));
        let (out, mask) = masked(&["/a"], true, bytes, 5);
        assert_eq!((out.as_str(), mask.unmasked), ("11#{\"a\":\"***\"}", 2));
    }
}
