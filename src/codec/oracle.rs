//! A slow, obvious reader of frames, for tests that compare the fast reader with it: the property
//! tests beside this file, and the fuzz target `frame_decoder`, which includes it.
//!
//! It works as Nest's `JsonSocket` does, in JavaScript's way: all bytes are decoded again from the
//! first one, text is a list of UTF-16 units, numbers are floating point, and only the state that
//! Nest keeps is kept.

/// The result of one frame, or of bytes that are not a frame.
#[derive(Debug, PartialEq)]
pub(crate) enum Event {
    Text(String),
    CorruptedLength,
    NotJson,
    TooLarge(usize),
}

/// Returns true if the text contains a `!`. Stands for a failure of `JSON.parse`, which this layer
/// does not know.
pub(crate) fn is_refused(text: &str) -> bool {
    text.contains('!')
}

/// The slow reader.
pub(crate) struct Oracle {
    max: usize,
    bytes: Vec<u8>,
    decoded: usize,
    buffer: Vec<u16>,
    content_length: Option<f64>,
}

impl Oracle {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            max,
            bytes: Vec::new(),
            decoded: 0,
            buffer: Vec::new(),
            content_length: None,
        }
    }

    pub(crate) fn read(&mut self, chunk: &[u8]) -> Vec<Event> {
        self.bytes.extend_from_slice(chunk);
        let finished = self.bytes.len() - self.unfinished();
        let all: Vec<u16> = String::from_utf8_lossy(&self.bytes[..finished])
            .encode_utf16()
            .collect();
        self.buffer.extend(&all[self.decoded..]);
        self.decoded = all.len();

        let mut events = Vec::new();
        while let Some(event) = self.step() {
            let is_last = !matches!(event, Event::Text(_));
            events.push(event);
            if is_last {
                self.buffer.clear();
                break;
            }
        }
        events
    }

    /// Returns true if a frame has been received in part, as `FrameDecoder::is_mid_frame` does.
    pub(crate) fn is_mid_frame(&self) -> bool {
        !self.buffer.is_empty() || self.content_length.is_some()
    }

    fn unfinished(&self) -> usize {
        let ends_in = |count: usize, leads: std::ops::RangeInclusive<u8>| {
            let Some(start) = self.bytes.len().checked_sub(count) else {
                return false;
            };
            let (lead, rest) = (self.bytes[start], &self.bytes[start + 1..]);
            leads.contains(&lead) && rest.iter().all(|byte| (0x80..=0xBF).contains(byte))
        };
        match () {
            () if ends_in(1, 0xC0..=0xF7) => 1,
            () if ends_in(2, 0xE0..=0xF7) => 2,
            () if ends_in(3, 0xF0..=0xF7) => 3,
            () => 0,
        }
    }

    fn step(&mut self) -> Option<Event> {
        if self.buffer.len() > self.max {
            return Some(Event::TooLarge(self.buffer.len()));
        }
        if self.content_length.is_none() {
            let delimiter = self.buffer.iter().position(|&unit| unit == u16::from(b'#'))?;
            let Some(length) = parse_int(&self.buffer[..delimiter]) else {
                return Some(Event::CorruptedLength);
            };
            self.content_length = Some(length);
            self.buffer.drain(..=delimiter);
        }
        let length = self
            .content_length
            .filter(|&length| self.buffer.len() as f64 >= length)?;
        self.content_length = None;
        let text: Vec<u16> = self.buffer.drain(..length.max(0.0) as usize).collect();
        Some(match String::from_utf16(&text) {
            Ok(text) if !text.is_empty() && !is_refused(&text) => Event::Text(text),
            _ => Event::NotJson,
        })
    }
}

fn parse_int(units: &[u16]) -> Option<f64> {
    const SPACES: &str = "\t\n\u{b}\u{c}\r \u{a0}\u{1680}\u{2000}\u{2001}\u{2002}\u{2003}\u{2004}\u{2005}\u{2006}\
                          \u{2007}\u{2008}\u{2009}\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}\u{feff}";
    let text = String::from_utf16_lossy(units);
    let text = text.trim_start_matches(|character| SPACES.contains(character));
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits: String = unsigned.chars().take_while(char::is_ascii_digit).collect();
    let number: f64 = digits.parse().ok()?;
    Some(if text.starts_with('-') { -number } else { number })
}
