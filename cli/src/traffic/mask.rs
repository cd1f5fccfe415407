//! Takes secrets out of recorded traffic, before anything is written or shown.

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};
use nest_wire::{
    codec::encode,
    recording::{Content, Event, Side},
};

use super::frames::{Frames, Piece};
use crate::pointer::Pointer;

/// The text in place of a masked value, as JSON.
const MASK: &str = "\"***\"";

/// Replaces the values that pointers name, and makes the headers right.
///
/// A mask needs whole frames: the bytes of a frame come out when its last byte went in. Bytes that
/// are not a frame pass unchanged, or not at all if the mask is strict.
#[derive(Debug)]
pub(crate) struct Mask {
    pointers: Vec<(Pointer, u64)>,
    is_strict: bool,
    sides: HashMap<(u32, Side), Frames>,
    /// Number of pieces that no mask could be applied to.
    unmasked: u64,
}

impl Mask {
    pub(crate) fn new(pointers: Vec<Pointer>, is_strict: bool) -> Self {
        Self {
            pointers: pointers.into_iter().map(|pointer| (pointer, 0)).collect(),
            is_strict,
            sides: HashMap::new(),
            unmasked: 0,
        }
    }

    /// Returns true if there is nothing to mask.
    pub(crate) fn is_empty(&self) -> bool {
        self.pointers.is_empty()
    }

    /// Returns the pointers that have matched nothing so far.
    pub(crate) fn unused(&self) -> impl Iterator<Item = &Pointer> {
        self.pointers
            .iter()
            .filter(|(_, matches)| *matches == 0)
            .map(|(pointer, _)| pointer)
    }

    /// Returns how many pieces were not masked because they are not JSON.
    pub(crate) const fn unmasked(&self) -> u64 {
        self.unmasked
    }

    /// Passes an event on as events without secrets.
    pub(crate) fn apply(&mut self, event: Event, mut pass: impl FnMut(Event)) {
        if self.is_empty() {
            return pass(event);
        }
        let key = (event.connection, event.from);
        let bytes = match &event.content {
            Content::Segment(bytes) => self.segment(key, bytes),
            Content::Missing(_) | Content::End => {
                let cut = self.sides.get_mut(&key).and_then(Frames::gap);
                cut.map(|frame| self.broken(&frame.header, &frame.text))
                    .unwrap_or_default()
            }
            Content::Reset => {
                self.sides.retain(|(connection, _), _| *connection != event.connection);
                Bytes::new()
            }
            _ => Bytes::new(),
        };
        if !bytes.is_empty() {
            let mut masked = event.clone();
            masked.content = Content::Segment(bytes);
            pass(masked);
        }
        if !matches!(event.content, Content::Segment(_)) {
            pass(event);
        }
    }

    /// Returns the frames that these bytes complete, masked.
    fn segment(&mut self, key: (u32, Side), bytes: &[u8]) -> Bytes {
        let mut frames = self.sides.remove(&key).unwrap_or_default();
        frames.push(bytes);
        let mut masked = BytesMut::new();
        while let Some(piece) = frames.next() {
            match piece {
                Piece::Frame(frame) => {
                    let text = self.text(&frame.text);
                    match text {
                        Some(text) => encode(&text, &mut masked),
                        None => masked.extend_from_slice(format!("{}#{}", frame.header, frame.text).as_bytes()),
                    }
                }
                Piece::Broken { frame, .. } => masked.extend_from_slice(&self.broken(&frame.header, &frame.text)),
                Piece::Skipped(_) => {}
            }
        }
        self.sides.insert(key, frames);
        masked.freeze()
    }

    /// Returns what is passed on of bytes that are not a frame.
    fn broken(&mut self, header: &str, text: &str) -> Bytes {
        self.unmasked += 1;
        match (self.is_strict, header) {
            (true, _) => Bytes::new(),
            (false, "") => Bytes::copy_from_slice(text.as_bytes()),
            (false, header) => format!("{header}#{text}").into(),
        }
    }

    /// Returns the text with every value replaced that a pointer names, or `None` if none does.
    fn text(&mut self, text: &str) -> Option<String> {
        let mut places = Vec::new();
        for (pointer, matches) in &mut self.pointers {
            let found = pointer.find(text).unwrap_or_default();
            *matches += found.len() as u64;
            places.extend(found);
        }
        // From the end, so that places stay right; one inside another is gone with that.
        places.sort_by_key(|place| (place.start, std::cmp::Reverse(place.end)));
        let mut outermost: Vec<std::ops::Range<usize>> = Vec::new();
        for place in places {
            if outermost.last().is_none_or(|last| last.end <= place.start) {
                outermost.push(place);
            }
        }
        let mut masked = text.to_owned();
        for place in outermost.iter().rev() {
            masked.replace_range(place.clone(), MASK);
        }
        (!outermost.is_empty()).then_some(masked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(pointers: &[&str], is_strict: bool, bytes: &[u8], length: usize) -> (String, Mask) {
        let pointers = pointers
            .iter()
            .map(|pointer| pointer.parse().expect("a pointer"))
            .collect();
        let mut mask = Mask::new(pointers, is_strict);
        let mut out = String::new();
        let segments = bytes
            .chunks(length)
            .map(|part| Content::Segment(Bytes::copy_from_slice(part)));
        for content in segments.chain([Content::End]) {
            mask.apply(Event::new(1, Side::Caller, content), |event| {
                if let Content::Segment(bytes) = event.content {
                    out.push_str(std::str::from_utf8(&bytes).expect("text"));
                }
            });
        }
        (out, mask)
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
            assert_eq!(
                mask.unused().map(ToString::to_string).collect::<Vec<_>>(),
                ["/data/pasword"]
            );
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
        assert_eq!(
            (out.as_str(), mask.unmasked()),
            ("5#hello11#{\"a\":\"***\"}9#{\"a\"", 2)
        );
        let (out, mask) = masked(&["/a"], true, bytes, 5);
        assert_eq!((out.as_str(), mask.unmasked()), ("11#{\"a\":\"***\"}", 2));
    }
}
