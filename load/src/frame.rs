//! Frames with a gap for the part of the id that differs between requests.

/// The part of an id that is the same in all requests. With the tail it is as long as Nest's ids,
/// 21 characters.
pub(crate) const ID_HEAD: &str = "0000000000000000";
/// Number of digits that distinguish the requests in flight on one connection.
pub(crate) const ID_TAIL: usize = 5;

/// A frame's bytes, with zeros as the last digits of its id.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    bytes: Vec<u8>,
    tail_at: usize,
}

impl Frame {
    /// Makes the frame whose text is `before`, the last digits of the id, and `after`.
    pub(crate) fn new(before: &str, after: &str) -> Self {
        let text = format!("{before}{:0ID_TAIL$}{after}", 0);
        let bytes = Self::text(&text);
        let tail_at = bytes.len() - after.len() - ID_TAIL;
        Self { bytes, tail_at }
    }

    /// Frames a text. Its length is in UTF-16 units.
    pub(crate) fn text(text: &str) -> Vec<u8> {
        format!("{}#{text}", text.encode_utf16().count()).into_bytes()
    }

    pub(crate) fn prepend(&mut self, bytes: &[u8]) {
        self.bytes.splice(..0, bytes.iter().copied());
        self.tail_at += bytes.len();
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn tail_at(&self) -> usize {
        self.tail_at
    }

    /// Returns the frame of the request with this number.
    pub(crate) fn with_tail(&self, number: usize) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        let tail = format!("{number:0ID_TAIL$}");
        bytes[self.tail_at..self.tail_at + ID_TAIL].copy_from_slice(tail.as_bytes());
        bytes
    }

    /// Appends the frame of the request with this number.
    pub(crate) fn write(&self, number: usize, out: &mut Vec<u8>) {
        let start = out.len() + self.tail_at;
        out.extend_from_slice(&self.bytes);
        let mut rest = number;
        for digit in out[start..start + ID_TAIL].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
    }

    /// Returns the number of the request if `received` equals this frame except for the last digits
    /// of the id.
    pub(crate) fn number_in(&self, received: &[u8]) -> Option<usize> {
        let tail_end = self.tail_at + ID_TAIL;
        let is_alike = received.len() == self.bytes.len()
            && received[..self.tail_at] == self.bytes[..self.tail_at]
            && received[tail_end..] == self.bytes[tail_end..];
        is_alike.then(|| number(&received[self.tail_at..tail_end]))?
    }

    /// Returns the number of the request in a frame that has its id at the same position.
    pub(crate) fn number_at(&self, received: &[u8]) -> Option<usize> {
        number(received.get(self.tail_at..self.tail_at + ID_TAIL)?)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the bytes up to the `#`.
    pub(crate) fn header(&self) -> &[u8] {
        let end = self.bytes.iter().position(|&byte| byte == b'#').unwrap_or_default();
        &self.bytes[..=end]
    }
}

/// Returns the number of the request whose id this is, or `None` if no request has it.
pub(crate) fn number_of_id(id: &str) -> Option<usize> {
    let tail = id.strip_prefix(ID_HEAD)?;
    (tail.len() == ID_TAIL).then(|| number(tail.as_bytes()))?
}

fn number(digits: &[u8]) -> Option<usize> {
    digits.iter().try_fold(0, |number, digit| {
        digit.is_ascii_digit().then(|| number * 10 + usize::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_knows_its_request_and_no_other_frame() {
        let frame = Frame::new("{\"response\":\"求\",\"id\":\"", "\"}");
        let seventh = frame.with_tail(7);
        assert_eq!(seventh, "29#{\"response\":\"求\",\"id\":\"00007\"}".as_bytes());
        assert_eq!(frame.number_in(&seventh), Some(7));
        let other = Frame::new("{\"response\":\"乞\",\"id\":\"", "\"}").with_tail(7);
        assert_eq!(frame.number_in(&other), None);
        assert_eq!(frame.number_in(&seventh[1..]), None);
        let mut written = b"before".to_vec();
        frame.write(7, &mut written);
        assert_eq!(written[6..], seventh);
    }

    #[test]
    fn an_id_has_the_number_of_its_request() {
        assert_eq!(number_of_id("000000000000000000042"), Some(42));
        for id in [
            "",
            "00042",
            "100000000000000000042",
            "00000000000000000004x",
            "0000000000000000000420",
        ] {
            assert_eq!(number_of_id(id), None, "{id}");
        }
    }
}
