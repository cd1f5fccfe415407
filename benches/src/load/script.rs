//! Frames with a gap for the part of the id that differs between requests.

/// The part of an id that is the same in all requests. With the tail it is as long as Nest's ids,
/// 21 characters.
pub(super) const ID_HEAD: &str = "0000000000000000";
/// Number of digits that distinguish the requests in flight on one connection.
pub(super) const ID_TAIL: usize = 5;

/// A frame's bytes, with zeros as the last digits of its id.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    bytes: Vec<u8>,
    tail_at: usize,
}

impl Frame {
    /// Makes the frame whose text is `before`, the last digits of the id, and `after`.
    pub(super) fn new(before: &str, after: &str) -> Self {
        let text = format!("{before}{:0ID_TAIL$}{after}", 0);
        let bytes = Self::text(&text);
        let tail_at = bytes.len() - after.len() - ID_TAIL;
        Self { bytes, tail_at }
    }

    /// Frames a text. Its length is in UTF-16 units.
    pub(super) fn text(text: &str) -> Vec<u8> {
        format!("{}#{text}", text.encode_utf16().count()).into_bytes()
    }

    pub(super) fn prepend(&mut self, bytes: &[u8]) {
        self.bytes.splice(..0, bytes.iter().copied());
        self.tail_at += bytes.len();
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn tail_at(&self) -> usize {
        self.tail_at
    }

    /// Returns the frame of the request with this number.
    pub(super) fn with_tail(&self, number: usize) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        let tail = format!("{number:0ID_TAIL$}");
        bytes[self.tail_at..self.tail_at + ID_TAIL].copy_from_slice(tail.as_bytes());
        bytes
    }

    /// Returns the number of the request if `received` equals this frame except for the last digits
    /// of the id.
    pub(super) fn number_in(&self, received: &[u8]) -> Option<usize> {
        let tail_end = self.tail_at + ID_TAIL;
        let is_alike = received.len() == self.bytes.len()
            && received[..self.tail_at] == self.bytes[..self.tail_at]
            && received[tail_end..] == self.bytes[tail_end..];
        is_alike.then(|| number(&received[self.tail_at..tail_end]))?
    }

    /// Returns the number of the request in a frame that has its id at the same position.
    pub(super) fn number_at(&self, received: &[u8]) -> Option<usize> {
        number(received.get(self.tail_at..self.tail_at + ID_TAIL)?)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the bytes up to the `#`.
    pub(super) fn header(&self) -> &[u8] {
        let end = self.bytes.iter().position(|&byte| byte == b'#').unwrap_or_default();
        &self.bytes[..=end]
    }
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
    }
}
