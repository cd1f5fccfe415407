//! Decodes frames to text, as Nest's `JsonSocket` does with the bytes it reads (`docs/PROTOCOL.md`
//! §1).
//!
//! This module knows neither JSON nor the source of the bytes. Every byte is decoded to text once,
//! searched once and counted at most twice, however the stream is split and whatever it contains.

use std::ops::Range;

use bytes::BytesMut;
use bytestring::ByteString;
use memchr::memchr;

use super::buffer::Buffer;
use super::error::FrameError;
use super::header::{self, Length};
use super::{utf8, utf16};

/// Nest's default for `maxBufferSize`, in UTF-16 units: 128 Mi.
pub const DEFAULT_MAX_BUFFER_UNITS: usize = 134_217_728;

/// Decodes the bytes of one stream into frames.
///
/// [`push`](Self::push) the bytes that were read, call [`next_frame`](Self::next_frame) until it
/// returns `Ok(None)` or an error, then continue to read.
///
/// ```
/// use nest_wire::codec::FrameDecoder;
///
/// let mut decoder = FrameDecoder::default();
/// decoder.push(b"4#null7#[1,2");
/// assert_eq!(decoder.next_frame()?.as_deref(), Some("null"));
/// assert_eq!(decoder.next_frame()?, None);
/// assert!(decoder.is_mid_frame());
///
/// decoder.push(b",3]");
/// assert_eq!(decoder.next_frame()?.as_deref(), Some("[1,2,3]"));
/// # Ok::<(), nest_wire::codec::FrameError>(())
/// ```
#[derive(Debug, Clone)]
pub struct FrameDecoder {
    /// Maximum number of UTF-16 units of text that may be buffered. Never changes.
    max_buffer_units: usize,
    /// The next part of the stream. The length of a text is kept here once its header has been
    /// removed from the buffer.
    awaiting: Awaiting,
    /// The incomplete character at the end of the bytes read, if there is one.
    begun: utf8::Begun,
    /// The text before that character that has not been taken out yet.
    buffer: Buffer,
}

#[derive(Debug, Clone, PartialEq)]
enum Awaiting {
    /// A header. Its `#` is not among the first `searched` bytes of the buffer: after `12` has
    /// arrived alone, the search continues at byte 2. Otherwise a peer could send an endless header
    /// byte by byte, at quadratic cost.
    Header { searched: usize },
    /// A text of `units` UTF-16 units, at least 1; it begins at the first byte of the buffer.
    Text { units: usize },
}

impl Default for FrameDecoder {
    /// Returns a decoder with Nest's own limit: 128 Mi (134 217 728) UTF-16 units.
    fn default() -> Self {
        Self::new(DEFAULT_MAX_BUFFER_UNITS)
    }
}

impl FrameDecoder {
    /// Returns a decoder that allows at most `max_buffer_units` UTF-16 units of text to be
    /// buffered, as Nest's `maxBufferSize` does.
    ///
    /// The limit protects against a peer that sends an endless frame. It is checked against
    /// everything buffered before any of it is taken out: small frames that arrive at once count
    /// together, headers included. Raise it for larger frames; lower it where memory is scarce or
    /// peers are not trusted, but not below the size of one read. The memory needed is up to three
    /// bytes per unit.
    #[must_use]
    pub fn new(max_buffer_units: usize) -> Self {
        Self {
            max_buffer_units,
            awaiting: Awaiting::Header { searched: 0 },
            begun: utf8::Begun::default(),
            buffer: Buffer::default(),
        }
    }

    /// Appends bytes that were read. Malformed bytes become U+FFFD; an incomplete character is kept
    /// until the rest arrives.
    pub fn push(&mut self, bytes: &[u8]) {
        let expected_units = match self.awaiting {
            Awaiting::Header { .. } => 0,
            Awaiting::Text { units } => units.min(self.max_buffer_units),
        };
        let buffer = &mut self.buffer;
        buffer.make_room(bytes.len(), expected_units);
        self.begun.decode(bytes, |text| buffer.push(text));
    }

    /// Takes out the next whole frame. Returns its text, or `Ok(None)` if more bytes are needed.
    ///
    /// The caller must check that the text is JSON and call [`abandon`](Self::abandon) if it is
    /// not. The text shares the memory of the bytes pushed with it, so a text that is kept keeps
    /// that memory alive. For an announced length, at most sixteen times the size of what has
    /// arrived is reserved.
    ///
    /// # Errors
    ///
    /// [`CorruptedLength`](FrameError::CorruptedLength), [`EmptyFrame`](FrameError::EmptyFrame),
    /// [`TooLarge`](FrameError::TooLarge) or [`SplitCharacter`](FrameError::SplitCharacter): the
    /// peer broke the protocol. Nest then ends the connection but continues to read, and the caller
    /// can do the same: all buffered text is dropped, and the next bytes begin a new frame. After
    /// `TooLarge`, however, they continue the frame whose header has been taken, if any. An
    /// incomplete character at the end of the bytes is completed by the next ones.
    pub fn next_frame(&mut self) -> Result<Option<ByteString>, FrameError> {
        let mut memory = ByteString::new();
        let text = self.next_range(&mut memory)?;
        Ok(text.map(|text| memory.slice_ref(&memory[text])))
    }

    /// Does the same as [`next_frame`](Self::next_frame) without a reference to the memory for each
    /// frame. Returns the range of the text in `memory`, which is set to the shared buffer if it is
    /// not yet. Pass an empty `memory` after each [`push`](Self::push).
    // Inlined, like everything on this path: otherwise each frame's result would be written to
    // memory and read back.
    #[inline(always)]
    pub(crate) fn next_range(&mut self, memory: &mut ByteString) -> Result<Option<Range<usize>>, FrameError> {
        match self.whole_frame(memory) {
            Err(error) => {
                self.forget_text();
                Err(error)
            }
            text => text,
        }
    }

    /// [`push`](Self::push)es the content of `src`, which is then empty. Returns the
    /// [`next_frame`](Self::next_frame).
    ///
    /// # Errors
    ///
    /// Those of `next_frame`.
    pub fn decode(&mut self, src: &mut BytesMut) -> Result<Option<ByteString>, FrameError> {
        self.push(src);
        src.clear();
        self.next_frame()
    }

    /// Drops the buffered text, as Nest does when a frame's text is not JSON or a frame is not
    /// finished in time. The next bytes begin a new frame; an incomplete character is kept.
    pub fn abandon(&mut self) {
        self.awaiting = Awaiting::Header { searched: 0 };
        self.forget_text();
    }

    /// Returns true if a frame has been received in part, which starts Nest's
    /// `incompleteMessageTimeout`.
    ///
    /// This is the case while any text is buffered, even a single newline after the last frame, and
    /// while the text of a header already taken is missing. The bytes of an incomplete character do
    /// not count as text yet.
    #[must_use]
    pub fn is_mid_frame(&self) -> bool {
        let header_is_taken = matches!(self.awaiting, Awaiting::Text { .. });
        header_is_taken || !self.buffer.as_str().is_empty()
    }

    /// Returns true if all pushed bytes have become whole frames.
    #[must_use]
    pub fn is_at_boundary(&self) -> bool {
        !self.is_mid_frame() && self.begun.is_empty()
    }

    /// Returns the minimum number of bytes that must be pushed before the next frame or error.
    pub(crate) fn missing_bytes(&self) -> usize {
        let Awaiting::Text { units } = self.awaiting else {
            return 1;
        };
        // Each byte adds at most one unit, except the byte after an incomplete character: if that
        // character turns out to be malformed, each of its bytes may become a unit.
        let have = self.buffer.units() + self.begun.len();
        let of_limit = self.max_buffer_units.saturating_add(1).saturating_sub(have);
        units.saturating_sub(have).min(of_limit).max(1)
    }

    /// Resets the decoder, including an incomplete character.
    pub(crate) fn reset(&mut self) {
        *self = Self::new(self.max_buffer_units);
    }

    #[inline(always)]
    fn whole_frame(&mut self, memory: &mut ByteString) -> Result<Option<Range<usize>>, FrameError> {
        // Checked first, as in Nest, so that the limit also applies to whole frames.
        if self.buffer.units() > self.max_buffer_units {
            return Err(FrameError::TooLarge {
                buffered: self.buffer.units(),
                max: self.max_buffer_units,
            });
        }
        let Some(units) = self.text_length()? else {
            return Ok(None);
        };
        if self.buffer.units() < units {
            return Ok(None);
        }
        // Set before the text is cut: if that fails, the next text begins a new frame all the same.
        self.awaiting = Awaiting::Header { searched: 0 };
        let end = self
            .buffer
            .end_of(units)
            .ok_or(FrameError::SplitCharacter { length: units })?;
        Ok(Some(self.buffer.take(end, units, memory)))
    }

    /// Returns the length of the next text in UTF-16 units, or `None` if its header is incomplete.
    /// A complete header is removed from the buffer.
    fn text_length(&mut self) -> Result<Option<usize>, FrameError> {
        let searched = match self.awaiting {
            Awaiting::Text { units } => return Ok(Some(units)),
            Awaiting::Header { searched } => searched,
        };
        let text = self.buffer.as_str();
        if let Some((units, end)) = header::parse_fast(text) {
            self.buffer.skip(end, end);
            self.awaiting = Awaiting::Text { units };
            return Ok(Some(units));
        }
        let Some(found) = memchr(b'#', &text.as_bytes()[searched..]) else {
            self.awaiting = Awaiting::Header { searched: text.len() };
            return Ok(None);
        };
        let header = &text[..searched + found];
        let units = match header::parse(header) {
            Length::Units(units) => units,
            Length::ZeroOrLess => return Err(FrameError::empty_frame(header)),
            Length::NotANumber => return Err(FrameError::corrupted_length(header)),
        };
        let (bytes_taken, units_taken) = (header.len() + 1, utf16::units(header) + 1);
        self.buffer.skip(bytes_taken, units_taken);
        self.awaiting = Awaiting::Text { units };
        Ok(Some(units))
    }

    fn forget_text(&mut self) {
        self.buffer.clear();
        if let Awaiting::Header { searched } = &mut self.awaiting {
            *searched = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::encode::encode;
    use super::super::utf16::tests::COUNTED;
    use super::*;

    struct Reader {
        decoder: FrameDecoder,
    }

    impl Reader {
        fn new(max_buffer_units: usize) -> Self {
            Self {
                decoder: FrameDecoder::new(max_buffer_units),
            }
        }

        /// Reads one chunk. Returns the texts that it completes and the error at its end.
        fn read(&mut self, chunk: &[u8]) -> (Vec<ByteString>, Option<FrameError>) {
            self.decoder.push(chunk);
            let mut texts = Vec::new();
            loop {
                match self.decoder.next_frame() {
                    Ok(Some(text)) => texts.push(text),
                    Ok(None) => return (texts, None),
                    Err(error) => return (texts, Some(error)),
                }
            }
        }

        #[track_caller]
        fn expect(&mut self, chunk: &[u8], texts: &[&str]) {
            assert_eq!(
                self.read(chunk),
                (texts.iter().map(|&text| text.into()).collect(), None)
            );
        }

        #[track_caller]
        fn expect_error(&mut self, chunk: &[u8], texts: &[&str], error: FrameError) {
            assert_eq!(
                self.read(chunk),
                (texts.iter().map(|&text| text.into()).collect(), Some(error))
            );
        }

        fn is_mid_frame(&self) -> bool {
            self.decoder.is_mid_frame()
        }
    }

    #[track_caller]
    fn expect(stream: &[u8], texts: &[&str]) {
        Reader::new(1000).expect(stream, texts);

        let mut reader = Reader::new(1000);
        let (read, errors): (Vec<_>, Vec<_>) = stream.iter().map(|&byte| reader.read(&[byte])).unzip();
        assert_eq!(read.concat(), texts, "byte by byte");
        assert!(errors.iter().all(Option::is_none), "byte by byte: {errors:?}");
    }

    #[track_caller]
    fn expect_error(stream: &[u8], error: &FrameError) {
        Reader::new(1000).expect_error(stream, &[], error.clone());

        let mut reader = Reader::new(1000);
        let first = stream.iter().find_map(|&byte| reader.read(&[byte]).1);
        assert_eq!(first.as_ref(), Some(error), "byte by byte");
    }

    #[test]
    fn lengths_are_utf16_units() {
        expect(b"2#{}", &["{}"]);
        expect("3#\"é\"".as_bytes(), &["\"é\""]);
        expect("3#\"求\"".as_bytes(), &["\"求\""]);
        expect("4#\"😀\"".as_bytes(), &["\"😀\""]);
        expect("10#[\"é求😀 a\"]".as_bytes(), &["[\"é求😀 a\"]"]);
    }

    #[test]
    fn several_frames_come_out_of_one_buffer() {
        expect(b"2#{}4#null1#1", &["{}", "null", "1"]);
        expect("3#\"é\"4#\"😀\"3#\"#\"".as_bytes(), &["\"é\"", "\"😀\"", "\"#\""]);
    }

    #[test]
    fn odd_headers_are_read_as_javascript_reads_them() {
        expect(b" 12abc#123456789012", &["123456789012"]);
        expect(b"4.9#null4e5#null4abc#null", &["null", "null", "null"]);
        expect(b"1e3#1+1#2\n001#3\r\n1\r\n#4", &["1", "2", "3", "4"]);
        expect(
            "\u{a0}1#1\u{feff}1#2\u{2028}1#3\u{3000}1#4".as_bytes(),
            &["1", "2", "3", "4"],
        );
    }

    #[test]
    fn a_header_without_a_number_is_corrupted() {
        for header in ["", "x", "{}", "--1", "\u{180e}1", "\u{200b}1", "\u{85}1", "\u{0}1"] {
            let error = FrameError::CorruptedLength { header: header.into() };
            expect_error(format!("{header}#1").as_bytes(), &error);
        }
    }

    #[test]
    fn a_malformed_header_is_quoted_as_text() {
        expect_error(
            b"\xff1#1",
            &FrameError::CorruptedLength {
                header: "\u{fffd}1".into(),
            },
        );
    }

    #[test]
    fn a_length_of_zero_or_less_is_refused_as_soon_as_the_header_is_there() {
        for header in ["0", "-0", "-1", "0x1b", "-99999999999999999999"] {
            expect_error(
                format!("{header}#").as_bytes(),
                &FrameError::EmptyFrame { header: header.into() },
            );
        }
    }

    #[test]
    fn a_length_beyond_all_numbers_waits_and_reserves_nothing() {
        let mut reader = Reader::new(1000);
        reader.expect(b"99999999999999999999999#{}", &[]);
        assert!(reader.is_mid_frame());
        assert!(reader.decoder.buffer.capacity() < 100);
    }

    #[test]
    fn malformed_bytes_are_one_unit_for_each_maximal_subpart() {
        expect(b"3#\"\x80\"", &["\"\u{fffd}\""]);
        expect(b"4#\"\xc0\xaf\"", &["\"\u{fffd}\u{fffd}\""]);
        expect(b"3#\"\xe6\xb1\"1#1", &["\"\u{fffd}\"", "1"]);
        expect(b"5#\"\xed\xa0\x80\"", &["\"\u{fffd}\u{fffd}\u{fffd}\""]);
        expect(b"6#\"\xf5\x80\x80\x80\"", &["\"\u{fffd}\u{fffd}\u{fffd}\u{fffd}\""]);
        expect(b"3#\"\xff\"", &["\"\u{fffd}\""]);
    }

    #[test]
    fn a_length_that_splits_a_character_is_fatal() {
        let error = |length| FrameError::SplitCharacter { length };
        expect_error("1#😀".as_bytes(), &error(1));
        expect_error("3#\"é😀\"".as_bytes(), &error(3));

        let mut reader = Reader::new(1000);
        reader.expect_error("1#12#\"😀\"1#1".as_bytes(), &["1"], error(2));
        assert!(!reader.is_mid_frame());
        reader.expect(b"1#2", &["2"]);
    }

    #[test]
    fn after_an_error_the_rest_of_the_chunk_is_gone() {
        let mut reader = Reader::new(1000);
        reader.expect_error(b"1#1x#2#{}", &["1"], FrameError::CorruptedLength { header: "x".into() });
        assert!(!reader.is_mid_frame());
        reader.expect_error(b"0#2#{}", &[], FrameError::EmptyFrame { header: "0".into() });
        assert!(!reader.is_mid_frame());
        reader.expect(b"2#{}", &["{}"]);
    }

    #[test]
    fn after_an_error_a_character_begun_goes_on() {
        let mut reader = Reader::new(1000);
        reader.expect_error(
            b"x#abc\xe3\x80",
            &[],
            FrameError::CorruptedLength { header: "x".into() },
        );
        assert!(!reader.is_mid_frame() && !reader.decoder.is_at_boundary());
        // Completes U+3000, which is white space before the next length.
        reader.expect(b"\x802#{}", &["{}"]);
    }

    #[test]
    fn abandoning_drops_the_rest_but_a_character_begun() {
        let mut reader = Reader::new(1000);
        reader.decoder.push(b"2#{]1#1\xe3");
        assert_eq!(reader.decoder.next_frame(), Ok(Some("{]".into())));
        reader.decoder.abandon();
        assert!(!reader.is_mid_frame() && !reader.decoder.is_at_boundary());
        reader.expect(b"\x80\x801#2", &["2"]);
    }

    #[test]
    fn abandoning_forgets_a_header_taken() {
        let mut reader = Reader::new(1000);
        reader.expect(b"5#12", &[]);
        reader.decoder.abandon();
        assert!(!reader.is_mid_frame());
        reader.expect(b"1#2", &["2"]);
    }

    #[test]
    fn the_limit_counts_headers_and_whole_frames() {
        Reader::new(12).expect(b"4#true4#true", &["true", "true"]);
        let error = FrameError::TooLarge { buffered: 12, max: 11 };
        Reader::new(11).expect_error(b"4#true4#true", &[], error);
    }

    #[test]
    fn the_limit_counts_units_and_not_bytes() {
        let text = "求é😀";
        Reader::new(7).expect(format!("99#{text}").as_bytes(), &[]);
        let error = FrameError::TooLarge { buffered: 7, max: 6 };
        Reader::new(6).expect_error(format!("99#{text}").as_bytes(), &[], error);
    }

    #[test]
    fn the_limit_does_not_count_a_header_once_taken_nor_bytes_held_back() {
        let mut reader = Reader::new(5);
        reader.expect(b"6#abc", &[]);
        reader.expect(b"de\xe6\xb1", &[]);
        reader.expect_error(b"\x82", &[], FrameError::TooLarge { buffered: 6, max: 5 });
    }

    #[test]
    fn after_too_much_the_announced_text_is_still_awaited() {
        let mut reader = Reader::new(6);
        reader.expect(b"4#", &[]);
        reader.expect_error(b"abcdefg", &[], FrameError::TooLarge { buffered: 7, max: 6 });
        assert!(reader.is_mid_frame());
        reader.expect(b"null", &["null"]);

        reader.expect_error(b"4#abcde", &[], FrameError::TooLarge { buffered: 7, max: 6 });
        assert!(!reader.is_mid_frame());
    }

    #[test]
    fn a_frame_is_partial_from_its_first_character_to_its_last() {
        let mut reader = Reader::new(1000);
        assert!(!reader.is_mid_frame());
        for (bytes, texts, is_mid_frame) in [
            (&b"\xe3\x80"[..], &[][..], false),
            (b"\x80", &[], true),
            (b"2", &[], true),
            (b"#", &[], true),
            (b"{", &[], true),
            (b"}", &["{}"], false),
            (b"\n", &[], true),
        ] {
            reader.expect(bytes, texts);
            assert_eq!(reader.is_mid_frame(), is_mid_frame, "{bytes:x?}");
        }
    }

    #[test]
    fn a_character_begun_may_be_as_many_units_as_it_has_bytes() {
        for (begun, missing) in [(&b"\xc3"[..], 3), (b"\xe0\x80", 2), (b"\xf0\x80\x80", 1)] {
            let mut reader = Reader::new(1000);
            reader.expect(&[b"4#", begun].concat(), &[]);
            assert_eq!(reader.decoder.missing_bytes(), missing, "{begun:x?}");

            let rest = "1".repeat(missing);
            let text = "\u{fffd}".repeat(begun.len()) + &rest;
            reader.expect(rest.as_bytes(), &[&text]);
        }
    }

    #[test]
    fn what_is_in_a_buffer_is_pushed_as_a_whole() {
        let mut buffer = BytesMut::from("4#null2#{}1");
        let mut decoder = FrameDecoder::default();
        for text in [Some("null"), Some("{}"), None] {
            assert_eq!(decoder.decode(&mut buffer).expect("frames").as_deref(), text);
            assert!(buffer.is_empty());
        }
    }

    #[test]
    fn errors_give_the_memory_back() {
        let mut reader = Reader::new(100_000);
        let (_, error) = reader.read(&[b'1'; 100_001]);
        assert_eq!(
            error,
            Some(FrameError::TooLarge {
                buffered: 100_001,
                max: 100_000
            })
        );
        assert!(reader.decoder.buffer.capacity() < 100);
    }

    #[test]
    fn a_large_frame_in_small_segments_is_counted_twice_at_most() {
        let mut stream = BytesMut::new();
        encode(&"é求😀a".repeat(20_000), &mut stream);

        let mut reader = Reader::new(usize::MAX);
        COUNTED.set(0);
        let texts: usize = stream.chunks(100).map(|chunk| reader.read(chunk).0.len()).sum();
        assert_eq!(texts, 1);
        assert!(COUNTED.get() <= 2 * stream.len());
    }

    #[test]
    fn small_frames_in_a_large_buffer_are_counted_twice_at_most() {
        let mut stream = BytesMut::new();
        (0..20_000).for_each(|_| encode("\"é求😀a\"", &mut stream));

        let mut reader = Reader::new(usize::MAX);
        COUNTED.set(0);
        assert_eq!(reader.read(&stream).0.len(), 20_000);
        assert!(COUNTED.get() <= 2 * stream.len());
    }

    #[test]
    fn a_header_is_searched_from_where_the_search_ended() {
        let mut reader = Reader::new(1000);
        for searched in 1..=50 {
            reader.expect(b" ", &[]);
            assert_eq!(reader.decoder.awaiting, Awaiting::Header { searched });
        }
    }
}
