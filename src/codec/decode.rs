//! Frames to text: what Nest's `JsonSocket` does with the bytes it reads (`docs/PROTOCOL.md` §1).
//!
//! Knows neither JSON nor where the bytes come from. Every byte is made text once, searched once
//! and counted at most twice, however the stream was cut and whatever it holds.

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

/// Makes frames of the bytes of one stream.
///
/// [`push`](Self::push) what was read, then call [`next_frame`](Self::next_frame) until it returns
/// `Ok(None)` or an error, then read on.
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
    /// Set once: how many UTF-16 units of text may be buffered.
    max_buffer_units: usize,
    /// What comes next in the buffer; a length is remembered here once its header is gone from the
    /// buffer.
    awaiting: Awaiting,
    /// The end of what was read, if that is no whole character.
    begun: utf8::Begun,
    /// The text before that, as far as it has not been handed out.
    buffer: Buffer,
}

#[derive(Debug, Clone, PartialEq)]
enum Awaiting {
    /// A header. Its `#` is not among the first `searched` bytes of the buffer: after `12` has come
    /// alone, the search goes on at byte 2. Without that a peer could send a header that never ends
    /// byte by byte, at quadratic cost.
    Header { searched: usize },
    /// A text of `units` UTF-16 units, one at least; it begins at the first byte of the buffer.
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
    /// The limit stops a peer that sends a frame without end. It is checked against all that is
    /// buffered before any of it is taken: small frames that come at once count together, headers
    /// and all. Raise it for larger frames; lower it where memory is scarce or peers are not
    /// trusted, but not below what one read may bring. The memory needed is up to three bytes a
    /// unit.
    #[must_use]
    pub fn new(max_buffer_units: usize) -> Self {
        Self {
            max_buffer_units,
            awaiting: Awaiting::Header { searched: 0 },
            begun: utf8::Begun::default(),
            buffer: Buffer::default(),
        }
    }

    /// Takes in what was read. Malformed bytes become U+FFFD; a character that is not finished
    /// waits for the rest.
    pub fn push(&mut self, bytes: &[u8]) {
        let expected_units = match self.awaiting {
            Awaiting::Header { .. } => 0,
            Awaiting::Text { units } => units.min(self.max_buffer_units),
        };
        let buffer = &mut self.buffer;
        buffer.make_room(bytes.len(), expected_units);
        self.begun.decode(bytes, |text| buffer.push(text));
    }

    /// Takes out the text of the next whole frame. `Ok(None)`: more bytes are needed.
    ///
    /// That the text is JSON is for the caller to find out, who calls [`abandon`](Self::abandon) if
    /// it is not. It shares the memory of what was pushed with it: a text that is kept keeps that
    /// alive. Of a length that was merely announced, no more is reserved than sixteen times what
    /// has arrived.
    ///
    /// # Errors
    ///
    /// [`CorruptedLength`](FrameError::CorruptedLength), [`EmptyFrame`](FrameError::EmptyFrame),
    /// [`TooLarge`](FrameError::TooLarge) or [`SplitCharacter`](FrameError::SplitCharacter): the
    /// peer broke the protocol. Nest then ends the connection but goes on reading, and so can the
    /// caller: all text buffered is forgotten, and what is read next begins a new frame. Only after
    /// `TooLarge` it continues the frame whose header has been taken, if any. A character begun at
    /// the end of the bytes is finished by the next ones.
    pub fn next_frame(&mut self) -> Result<Option<ByteString>, FrameError> {
        let mut memory = ByteString::new();
        let text = self.next_range(&mut memory)?;
        Ok(text.map(|text| memory.slice_ref(&memory[text])))
    }

    /// As [`next_frame`](Self::next_frame), without a share of the memory for each frame: where its
    /// text is in `memory`, which becomes what it is a part of, if it is not yet. Begin with an
    /// empty one, after each [`push`](Self::push).
    // Inlined, as all on this way: its result would be written to memory and read back there, for
    // each frame.
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

    /// [`push`](Self::push)es what is in `src`, which is then empty, and gives the
    /// [`next_frame`](Self::next_frame).
    ///
    /// # Errors
    ///
    /// As `next_frame`.
    pub fn decode(&mut self, src: &mut BytesMut) -> Result<Option<ByteString>, FrameError> {
        self.push(src);
        src.clear();
        self.next_frame()
    }

    /// Forgets what is buffered, as Nest does when a frame's text is not JSON, and when a frame is
    /// not finished in time. What is read next begins a new frame; a character begun goes on.
    pub fn abandon(&mut self) {
        self.awaiting = Awaiting::Header { searched: 0 };
        self.forget_text();
    }

    /// Returns true if a frame is there in part: what arms Nest's `incompleteMessageTimeout`.
    ///
    /// True with any text buffered, be it only a newline after the last frame, and while the text
    /// of a header already taken is missing. The bytes of a character that is not finished are no
    /// text yet.
    #[must_use]
    pub fn is_mid_frame(&self) -> bool {
        let header_is_taken = matches!(self.awaiting, Awaiting::Text { .. });
        header_is_taken || !self.buffer.as_str().is_empty()
    }

    /// Returns true if everything that was pushed has become whole frames.
    #[must_use]
    pub fn is_at_boundary(&self) -> bool {
        !self.is_mid_frame() && self.begun.is_empty()
    }

    /// Returns how many bytes have to be pushed, at least, before there is another frame or an
    /// error.
    pub(crate) fn missing_bytes(&self) -> usize {
        let Awaiting::Text { units } = self.awaiting else {
            return 1;
        };
        // No byte brings more than one unit, but for the one after a character begun: should that
        // never become one, each of its bytes may be a unit of its own.
        let have = self.buffer.units() + self.begun.len();
        let of_limit = self.max_buffer_units.saturating_add(1).saturating_sub(have);
        units.saturating_sub(have).min(of_limit).max(1)
    }

    /// Forgets everything, a character begun too: as new.
    pub(crate) fn reset(&mut self) {
        *self = Self::new(self.max_buffer_units);
    }

    #[inline(always)]
    fn whole_frame(&mut self, memory: &mut ByteString) -> Result<Option<Range<usize>>, FrameError> {
        // First of all, as Nest does: so the limit also holds for frames that are whole.
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
        // Before the cut: should it fail, the next text begins a new frame all the same.
        self.awaiting = Awaiting::Header { searched: 0 };
        let end = self
            .buffer
            .end_of(units)
            .ok_or(FrameError::SplitCharacter { length: units })?;
        Ok(Some(self.buffer.take(end, units, memory)))
    }

    /// Returns the length of the text that comes next, in UTF-16 units; takes its header out of the
    /// buffer if it is there.
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

        /// Reads one chunk: the texts it completes, and the error it ends with.
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
        // U+3000, finished: white space before the next length.
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
