//! A slow, obvious reader of frames, and the properties that hold the fast one to it.
//!
//! Does what Nest's `JsonSocket` does in the way JavaScript does it: all bytes are decoded anew
//! from the first one, text is a list of UTF-16 units, numbers are floating point, and nothing is
//! remembered but what Nest remembers.

use bytes::BytesMut;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::decode::FrameDecoder;
use super::encode::encode;
use super::error::FrameError;

/// What a chunk of bytes leads to.
#[derive(Debug, PartialEq)]
enum Event {
    Text(String),
    CorruptedLength,
    NotJson,
    TooLarge(usize),
}

/// Stands for `JSON.parse`, which this layer knows nothing of: a text with a `!` in it is refused.
fn is_refused(text: &str) -> bool {
    text.contains('!')
}

struct Oracle {
    max: usize,
    bytes: Vec<u8>,
    decoded: usize,
    buffer: Vec<u16>,
    content_length: Option<f64>,
}

impl Oracle {
    fn new(max: usize) -> Self {
        Self {
            max,
            bytes: Vec::new(),
            decoded: 0,
            buffer: Vec::new(),
            content_length: None,
        }
    }

    fn read(&mut self, chunk: &[u8]) -> Vec<Event> {
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

/// What the decoder under test makes of one more chunk.
fn read(decoder: &mut FrameDecoder, chunk: &[u8]) -> Vec<Event> {
    decoder.push(chunk);
    let mut events = Vec::new();
    loop {
        let event = match decoder.next_frame() {
            Ok(None) => return events,
            Ok(Some(text)) if is_refused(&text) => {
                decoder.abandon();
                Event::NotJson
            }
            Ok(Some(text)) => Event::Text(text.to_string()),
            Err(FrameError::CorruptedLength { .. }) => Event::CorruptedLength,
            Err(FrameError::EmptyFrame { .. } | FrameError::SplitCharacter { .. }) => Event::NotJson,
            Err(FrameError::TooLarge { buffered, .. }) => Event::TooLarge(buffered),
        };
        events.push(event);
    }
}

/// A stream of pieces that look like frames, nearly like frames, or like nothing.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let text = "[a1 #é求😀\u{fffd}!]{1,12}";
    let whole = text.prop_map(|text| {
        let mut frame = BytesMut::new();
        encode(&text, &mut frame);
        frame.to_vec()
    });
    let odd_header = select(vec![
        " 3",
        "\u{feff}2",
        "+2",
        "2.9",
        "1e3",
        "0x1b",
        "-1",
        "0",
        "x",
        "",
        "99999999999999999999",
    ]);
    let odd = (odd_header, text).prop_map(|(header, text)| format!("{header}#{text}").into_bytes());
    let unlucky = (0..9usize, text).prop_map(|(length, text)| format!("{length}#{text}").into_bytes());
    let bytes = vec(
        select(b"###11223\x80\x80\xa9\xc3\xe6\xb1\x82\xc0\xe0\xf0\x9f\x98\xf5\xff\xed\xa0 ".to_vec()),
        1..9,
    );
    vec(prop_oneof![3 => whole, 1 => odd, 2 => unlucky, 2 => bytes], 0..12).prop_map(|pieces| pieces.concat())
}

/// Cuts `stream` into chunks of these sizes, over and over.
fn chunks<'a>(mut stream: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut chunks = Vec::new();
    for &size in sizes.iter().cycle() {
        if stream.is_empty() {
            break;
        }
        let (chunk, rest) = stream.split_at(size.min(stream.len()));
        chunks.push(chunk);
        stream = rest;
    }
    chunks
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_bytes_in_any_pieces_are_read_as_nest_reads_them(
        stream in stream(),
        sizes in vec(1..20usize, 1..8),
        max in prop_oneof![1 => 5..60usize, 2 => Just(usize::MAX)],
    ) {
        let mut decoder = FrameDecoder::new(max);
        let mut oracle = Oracle::new(max);
        for chunk in chunks(&stream, &sizes) {
            let missing = decoder.missing_bytes();
            let events = read(&mut decoder, chunk);
            prop_assert!(events.is_empty() || chunk.len() >= missing, "{} of {missing} bytes", chunk.len());
            prop_assert_eq!(events, oracle.read(chunk));
            let is_mid_frame = !oracle.buffer.is_empty() || oracle.content_length.is_some();
            prop_assert_eq!(decoder.is_mid_frame(), is_mid_frame);
        }
    }

    #[test]
    fn any_texts_in_any_pieces_come_out_again(
        texts in vec(".{1,40}", 0..20),
        sizes in vec(1..50usize, 1..8),
    ) {
        let mut stream = BytesMut::new();
        texts.iter().for_each(|text| encode(text, &mut stream));

        let mut decoder = FrameDecoder::default();
        let mut read = Vec::new();
        for chunk in chunks(&stream, &sizes) {
            decoder.push(chunk);
            while let Some(text) = decoder.next_frame().expect("all frames are whole") {
                read.push(text);
            }
        }
        prop_assert_eq!(read, texts);
        prop_assert!(!decoder.is_mid_frame());
    }
}
