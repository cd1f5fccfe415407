//! The frames in the bytes of one side, also of a side that breaks the protocol.
//!
//! Nest's reader and ours stop at the first broken frame. A tool must say what is wrong with it and
//! go on: this reader does.

use bytes::{Buf, BytesMut};

use super::diagnosis::{self, Diagnosis};

/// Maximum number of bytes before a `#` that may be a header.
const MAX_HEADER_BYTES: usize = 32;
/// Maximum size, in bytes, of a text that is kept; a longer one is counted and passed over.
const MAX_TEXT_BYTES: usize = 16 * 1024 * 1024;
/// Maximum number of texts in a row that are not JSON and yet are searched for the next header.
/// Beyond that, each is passed over whole: in headers inside of headers, every byte would be read
/// as often as there are headers before it.
const MAX_MISMATCHES: u32 = 16;
/// Maximum number of bytes that are quoted, or looked at behind a broken frame.
const QUOTED_BYTES: usize = 4096;

/// What the bytes turn out to be.
#[derive(Debug, PartialEq)]
pub(crate) enum Piece {
    /// A whole frame; its text is JSON.
    Frame(Frame),
    /// Bytes that are not a frame: their beginning as text, and what is wrong.
    Broken { frame: Frame, why: Diagnosis },
    /// Bytes before the first header that can be recognised.
    Skipped(usize),
}

/// The text of a frame and its lengths.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Frame {
    /// The header as it was sent, without the `#`.
    pub(crate) header: String,
    pub(crate) text: String,
    /// Length of the text, in UTF-16 units.
    pub(crate) units: usize,
    /// Length of the text as it was sent, in bytes.
    pub(crate) bytes: usize,
    /// Length of the header as it was sent, in bytes, with its `#`.
    pub(crate) head: usize,
}

/// The reader of one side.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    raw: BytesMut,
    /// The frame whose header has been read.
    current: Option<Current>,
    /// True while no header has been recognised after a gap, an error, or in a capture that begins
    /// in the middle of a connection.
    is_lost: bool,
    /// True if that is so because of a gap: after a broken frame, the bytes that are passed over are
    /// a part of what is broken.
    is_after_a_gap: bool,
    /// Number of texts in a row that were not JSON.
    mismatches: u32,
}

#[derive(Debug)]
struct Current {
    header: String,
    /// Length of the header with its `#`, in bytes.
    head: usize,
    declared: usize,
    /// Number of bytes at the start of `raw` that are counted.
    counted: usize,
    /// Number of UTF-16 units that they are.
    units: usize,
    /// Number of bytes before those that were passed over, because the text is too long to keep.
    dropped: usize,
    /// True if the text was looked at as if the header counted bytes.
    is_looked_at: bool,
}

impl Frames {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.raw.extend_from_slice(bytes);
    }

    /// Forgets the frame begun: bytes are missing after it. Returns it if there was one.
    pub(crate) fn gap(&mut self) -> Option<Frame> {
        let begun = self.end();
        self.is_lost = true;
        self.is_after_a_gap = true;
        begun
    }

    /// Returns the frame that the end of the bytes cuts, if there is one.
    pub(crate) fn end(&mut self) -> Option<Frame> {
        let left = std::mem::take(&mut self.raw);
        let current = self.current.take();
        if current.is_none() && (left.is_empty() || self.is_lost) {
            return None;
        }
        let (header, head) = current.map_or_else(Default::default, |current| (current.header, current.head));
        Some(Frame {
            head,
            ..Frame::new(header, &left)
        })
    }

    /// Returns how many of the last bytes may still become part of a frame: all bytes before those
    /// belong to pieces that have been returned, or have been passed over.
    pub(crate) fn pending(&self) -> usize {
        let head = self.current.as_ref().filter(|current| current.dropped == 0);
        self.raw.len() + head.map_or(0, |current| current.head)
    }

    /// Returns true if a frame begins with the next byte.
    pub(crate) fn is_between_frames(&self) -> bool {
        self.raw.is_empty() && self.current.is_none() && !self.is_lost
    }

    /// Returns true if a part of a frame has come. White space alone, which a header may begin with,
    /// is none.
    pub(crate) fn has_partial_frame(&self) -> bool {
        let has_header = || self.raw.iter().any(|byte| !byte.is_ascii_whitespace());
        !self.is_lost && (self.current.is_some() || has_header())
    }

    /// Returns how many of these bytes, which come next, certainly belong to the frame begun: its
    /// header or a part of its text. Returns `None` if that is not known.
    pub(crate) fn certain(&self, bytes: &[u8]) -> Option<usize> {
        match &self.current {
            // A text has at least as many bytes as units.
            Some(current) => {
                let uncounted = self.raw.len() - current.counted;
                current.declared.checked_sub(current.units + uncounted)
            }
            None if self.is_between_frames() => None,
            None => memchr::memchr(b'#', &bytes[..bytes.len().min(MAX_HEADER_BYTES)]).map(|hash| hash + 1),
        }
        .filter(|certain| *certain > 0)
    }

    /// Returns the next piece, or `None` if more bytes are needed.
    pub(crate) fn next(&mut self) -> Option<Piece> {
        if self.is_lost {
            let skipped = self.find_header();
            if skipped > 0 && self.is_after_a_gap {
                return Some(Piece::Skipped(skipped));
            }
            if self.is_lost {
                return None;
            }
        }
        if self.current.is_none() {
            match self.header() {
                Header::Read(current) => self.current = Some(current),
                Header::Incomplete => return None,
                Header::Wrong(frame, why) => return Some(self.broken(frame, why)),
            }
        }
        self.text()
    }

    /// Passes over bytes up to the next that look like a header before JSON. Returns their number.
    fn find_header(&mut self) -> usize {
        let found = diagnosis::header_in(&self.raw);
        self.is_lost = found.is_none();
        // What may become a header with the next bytes stays.
        let skipped = found.unwrap_or_else(|| self.raw.len() - diagnosis::begun_header(&self.raw));
        self.raw.advance(skipped);
        skipped
    }

    fn header(&mut self) -> Header {
        let head = &self.raw[..self.raw.len().min(MAX_HEADER_BYTES)];
        let Some(hash) = memchr::memchr(b'#', head) else {
            return match self.raw.len() < MAX_HEADER_BYTES && diagnosis::may_be_header(head) {
                true => Header::Incomplete,
                false => {
                    let frame = self.quoted();
                    let why = Diagnosis::no_header(&frame.text);
                    Header::Wrong(frame, why)
                }
            };
        };
        let header = String::from_utf8_lossy(&head[..hash]).into_owned();
        match diagnosis::length(&header) {
            Some(declared) if declared > 0 => {
                self.raw.advance(hash + 1);
                Header::Read(Current::new(header, hash + 1, declared))
            }
            length => {
                let mut frame = self.quoted();
                let why = match length {
                    Some(_) => Diagnosis::Empty,
                    None => Diagnosis::no_header(&frame.text),
                };
                frame.header = header;
                Header::Wrong(frame, why)
            }
        }
    }

    /// Returns the beginning of what has come, for a message: up to the next header, since what
    /// follows that is read again.
    fn quoted(&self) -> Frame {
        let quoted = &self.raw[..self.raw.len().min(QUOTED_BYTES)];
        let end = quoted.get(1..).and_then(diagnosis::header_in);
        Frame::new(String::new(), &quoted[..end.map_or(quoted.len(), |end| end + 1)])
    }

    /// Leaves at least one byte behind, and then everything up to the next header.
    fn broken(&mut self, frame: Frame, why: Diagnosis) -> Piece {
        self.raw.advance(self.raw.len().min(1));
        self.is_lost = true;
        self.is_after_a_gap = false;
        Piece::Broken { frame, why }
    }

    /// Takes out the text of the current frame, if all of it has come.
    fn text(&mut self) -> Option<Piece> {
        let current = self.current.as_mut()?;
        current.count(&self.raw);
        if current.units < current.declared {
            let declared = current.declared;
            if !std::mem::replace(&mut current.is_looked_at, self.raw.len() >= declared)
                && self.raw.get(..declared).is_some_and(diagnosis::is_json_bytes)
            {
                return self.taken(declared, Some(Diagnosis::CountsBytes));
            }
            current.drop_counted(&mut self.raw);
            return None;
        }
        let (counted, is_split) = (current.counted, current.units > current.declared);
        if current.dropped > 0 {
            return self.taken(counted, Some(Diagnosis::TooLong));
        }
        match !is_split && diagnosis::is_json(&String::from_utf8_lossy(&self.raw[..counted])) {
            true => self.taken(counted, None),
            false => self.mismatch(is_split),
        }
    }

    /// Takes the current frame out, with this number of bytes as its text.
    fn taken(&mut self, bytes: usize, why: Option<Diagnosis>) -> Option<Piece> {
        let current = self.current.take()?;
        let mut frame = Frame::new(current.header, &self.raw.split_to(bytes));
        frame.head = current.head;
        if current.dropped > 0 {
            (frame.units, frame.bytes) = (current.units, current.dropped + bytes);
        }
        self.mismatches = 0;
        Some(match why {
            None => Piece::Frame(frame),
            Some(why) => Piece::Broken { frame, why },
        })
    }

    /// Explains a text that is not JSON where its header says that it ends. What follows the JSON in
    /// it is read again.
    fn mismatch(&mut self, is_split: bool) -> Option<Piece> {
        let current = self.current.take()?;
        let ahead = self.raw.len().min(current.counted.saturating_add(QUOTED_BYTES));
        let (mut end, why) = diagnosis::explain(&self.raw[..ahead], current.declared, current.counted);
        self.mismatches += 1;
        if self.mismatches > MAX_MISMATCHES && why == Diagnosis::NotJson {
            end = end.max(current.counted);
        }
        let mut frame = Frame::new(current.header, &self.raw.split_to(end));
        frame.head = current.head;
        self.is_lost = true;
        self.is_after_a_gap = false;
        let why = match why {
            Diagnosis::NotJson if is_split => Diagnosis::SplitCharacter,
            why => why,
        };
        Some(Piece::Broken { frame, why })
    }
}

enum Header {
    Read(Current),
    Incomplete,
    Wrong(Frame, Diagnosis),
}

impl Frame {
    fn new(header: String, bytes: &[u8]) -> Self {
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => String::from_utf8_lossy(bytes).into_owned(),
        };
        Self {
            head: header.len() + usize::from(!header.is_empty()),
            header,
            units: nest_wire::codec::units(&text),
            bytes: bytes.len(),
            text,
        }
    }
}

impl Current {
    fn new(header: String, head: usize, declared: usize) -> Self {
        Self {
            header,
            head,
            declared,
            counted: 0,
            units: 0,
            dropped: 0,
            is_looked_at: false,
        }
    }

    /// Counts units up to the declared length, or to the last whole character. Malformed bytes count
    /// as Node decodes them: a replacement character for each part that cannot go on.
    fn count(&mut self, raw: &[u8]) {
        // Nearly every text is ASCII and there as a whole.
        let missing = self.declared - self.units;
        if let Some(text) = raw[self.counted..].get(..missing)
            && text.is_ascii()
        {
            self.units = self.declared;
            self.counted += missing;
            return;
        }
        for chunk in raw[self.counted..].utf8_chunks() {
            for character in chunk.valid().chars() {
                if self.units >= self.declared {
                    return;
                }
                self.units += character.len_utf16();
                self.counted += character.len_utf8();
            }
            let invalid = chunk.invalid();
            let is_last = self.counted + invalid.len() == raw.len();
            if self.units >= self.declared || (is_last && diagnosis::begins_character(invalid)) {
                return;
            }
            self.units += usize::from(!invalid.is_empty());
            self.counted += invalid.len();
        }
    }

    /// Frees the memory of a text that is too long to be kept.
    fn drop_counted(&mut self, raw: &mut BytesMut) {
        if self.dropped > 0 || self.counted > MAX_TEXT_BYTES {
            raw.advance(self.counted);
            self.dropped += self.counted;
            self.counted = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(header: &str, text: &str) -> Frame {
        Frame::new(header.to_owned(), text.as_bytes())
    }

    fn whole(text: &str) -> Piece {
        Piece::Frame(frame(&nest_wire::codec::units(text).to_string(), text))
    }

    fn broken(header: &str, text: &str, why: Diagnosis) -> Piece {
        Piece::Broken {
            frame: frame(header, text),
            why,
        }
    }

    /// Reads bytes in pieces of this length.
    fn read(bytes: &[u8], length: usize) -> Vec<Piece> {
        let mut frames = Frames::default();
        let mut pieces = Vec::new();
        for part in bytes.chunks(length) {
            frames.push(part);
            pieces.extend(std::iter::from_fn(|| frames.next()));
        }
        pieces
    }

    const LOG: &str = r#"{"pattern":"log","data":"求和😀"}"#;
    const SUM: &str = r#"{"pattern":"sum"}"#;

    #[test]
    fn frames_are_read_however_they_are_cut() {
        let bytes = format!("31#{LOG}17#{SUM}+4 #null");
        for length in 1..bytes.len() {
            let pieces = read(bytes.as_bytes(), length);
            let last = Piece::Frame(frame("+4 ", "null"));
            assert_eq!(pieces, [whole(LOG), whole(SUM), last], "{length}");
        }
    }

    #[test]
    fn a_header_that_counts_bytes_is_explained_and_the_next_frame_is_found() {
        let bytes = format!("{}#{LOG}17#{SUM}", LOG.len());
        for length in 1..bytes.len() {
            let header = LOG.len().to_string();
            let pieces = read(bytes.as_bytes(), length);
            assert_eq!(
                pieces,
                [broken(&header, LOG, Diagnosis::CountsBytes), whole(SUM)],
                "{length}"
            );
        }
    }

    #[test]
    fn a_header_that_counts_characters_is_explained() {
        let bytes = format!("30#{LOG}17#{SUM}");
        let pieces = read(bytes.as_bytes(), bytes.len());
        assert_eq!(pieces, [broken("30", LOG, Diagnosis::CountsCharacters), whole(SUM)]);
    }

    #[test]
    fn what_is_no_frame_is_named_and_passed_over() {
        for (bytes, text, why) in [
            ("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", None, Diagnosis::Http),
            ("hello, is there anybody behind this port?", None, Diagnosis::NoHeader),
            ("0#", None, Diagnosis::Empty),
            ("5#hello", Some("hello"), Diagnosis::NotJson),
        ] {
            let all = format!("{bytes}17#{SUM}");
            let pieces = read(all.as_bytes(), all.len());
            match &pieces[0] {
                Piece::Broken { frame, why: found } => {
                    assert_eq!(*found, why);
                    assert!(text.is_none_or(|text| text == frame.text), "{frame:?}");
                }
                other => panic!("{other:?}"),
            }
            assert_eq!(pieces.last(), Some(&whole(SUM)), "{bytes}");
        }
    }

    #[test]
    fn after_a_gap_frames_are_found_again() {
        let mut frames = Frames::default();
        frames.push(b"31#{\"patt");
        assert_eq!(frames.next(), None);
        assert_eq!(frames.gap(), Some(frame("31", "{\"patt")));
        frames.push(format!("\"求和\"}}17#{SUM}").as_bytes());
        let pieces: Vec<Piece> = std::iter::from_fn(|| frames.next()).collect();
        assert_eq!(pieces, [Piece::Skipped(9), whole(SUM)]);
    }

    #[test]
    fn malformed_bytes_count_as_node_decodes_them() {
        let bytes = b"4#\"\xff\xc3\"17#{\"pattern\":\"sum\"}";
        for length in 1..bytes.len() {
            let pieces = read(bytes, length);
            let Piece::Frame(first) = &pieces[0] else {
                panic!("{pieces:?}");
            };
            assert_eq!(
                (first.text.as_str(), first.units, first.bytes),
                ("\"\u{fffd}\u{fffd}\"", 4, 4)
            );
            assert_eq!(pieces[1..], [whole(SUM)], "{length}");
        }
    }

    /// Bytes of which each is the text of all headers before it.
    #[test]
    fn headers_inside_of_headers_are_not_read_again_and_again() {
        let header = "9000#{";
        let bytes = header.repeat(100_000);
        let pieces = read(bytes.as_bytes(), 60_000);
        assert!(pieces.len() < bytes.len() / 9000 + 40, "{} pieces", pieces.len());
        let after = format!("{}{}17#{SUM}", "9#{".repeat(20), "x".repeat(100));
        assert_eq!(read(after.as_bytes(), 1000).last(), Some(&whole(SUM)));
    }

    #[test]
    fn a_frame_too_long_to_keep_is_counted_and_the_next_is_read() {
        let length = MAX_TEXT_BYTES + 100_000;
        let mut frames = Frames::default();
        frames.push(format!("{length}#\"").as_bytes());
        let mut left = length - 2;
        while left > 0 {
            let part = left.min(60_000);
            frames.push(&vec![b'x'; part]);
            left -= part;
            assert_eq!(frames.next(), None);
            assert!(frames.raw.len() <= MAX_TEXT_BYTES + 60_000);
        }
        frames.push(format!("\"17#{SUM}").as_bytes());
        match frames.next() {
            Some(Piece::Broken { frame, why }) => assert_eq!((frame.units, why), (length, Diagnosis::TooLong)),
            other => panic!("{other:?}"),
        }
        assert_eq!(frames.next(), Some(whole(SUM)));
    }
}
