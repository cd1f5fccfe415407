//! The packets of a recording, in the order in which they became whole, each with its very header.

use std::fmt;

use bytes::BytesMut;

use super::DemoError;
use nest_wire::{
    codec::FrameDecoder,
    packet::IncomingRequest,
    recording::{Content, Event, Side},
};

/// One packet as it was on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Packet {
    pub(super) from: Side,
    /// The length in UTF-16 units and the `#`, as they were sent.
    pub(super) header: String,
    pub(super) text: String,
}

/// What a packet is to Nest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Event,
    Message,
    Answer,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Event => "event, which nobody answers",
            Self::Message => "message",
            Self::Answer => "answer",
        })
    }
}

/// What the tutorial's capture of `GET /sum?num=1,2,3` shows, with the headers it leaves out, and `ID` for the id.
const CAPTURE: [(Side, &str); 3] = [
    (Side::Caller, r#"29#{"pattern":"log","data":"求和"}"#),
    (Side::Caller, r#"61#{"pattern":"sum","data":[1,2,3],"id":"ID"}"#),
    (Side::Service, r#"61#{"response":6,"isDisposed":true,"id":"ID"}"#),
];

impl Packet {
    /// All packets of `events`.
    pub(super) fn all(events: &[Event]) -> Result<Vec<Self>, DemoError> {
        let (mut caller, mut service) = (Stream::default(), Stream::default());
        let mut packets = Vec::new();
        for event in events {
            let Content::Segment(segment) = &event.content else {
                continue;
            };
            let stream = match event.from {
                Side::Caller => &mut caller,
                Side::Service => &mut service,
            };
            stream.read(event.from, segment, &mut packets)?;
        }
        Ok(packets)
    }

    /// What the packet is to Nest.
    pub(super) fn kind(&self) -> Result<Kind, DemoError> {
        Ok(match self.from {
            Side::Service => Kind::Answer,
            Side::Caller if self.request()?.is_event() => Kind::Event,
            Side::Caller => Kind::Message,
        })
    }

    fn request(&self) -> Result<IncomingRequest, DemoError> {
        Ok(IncomingRequest::read(&self.text.as_str().into())?)
    }
}

/// Whether these packets are the tutorial's, byte for byte but for the random id.
pub(super) fn check(packets: &[Packet]) -> Result<(), DemoError> {
    let id = packets.get(1).map(Packet::request).transpose()?;
    let id = id.and_then(|request| request.id?.parse::<String>().ok());
    // Any text of the right length can't be told from an id: that it has its 21 hex digits is checked with it.
    let id = id.filter(|id| id.len() == 21 && id.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')));
    let id = id.as_deref().unwrap_or("21 hexadecimal digits");
    let expected = CAPTURE.map(|(from, bytes)| format!("\n  the {from}: {}", bytes.replace("ID", id)));
    let seen = packets
        .iter()
        .map(|packet| format!("\n  the {}: {}{}", packet.from, packet.header, packet.text));
    DemoError::unless_equal(&seen.collect::<String>(), &expected.concat())
}

/// What one side has sent.
#[derive(Default)]
struct Stream {
    decoder: FrameDecoder,
    /// What the decoder has not taken yet.
    left: BytesMut,
    /// What does not belong to a packet yet, as it came: headers included, which the decoder drops.
    bytes: BytesMut,
}

impl Stream {
    fn read(&mut self, from: Side, segment: &[u8], packets: &mut Vec<Packet>) -> Result<(), DemoError> {
        self.left.extend_from_slice(segment);
        self.bytes.extend_from_slice(segment);
        while let Some(text) = self.decoder.decode(&mut self.left)? {
            let header = self
                .bytes
                .iter()
                .position(|byte| *byte == b'#')
                .map_or(0, |hash| hash + 1);
            let header = self.bytes.split_to(header);
            let _ = self.bytes.split_to(text.len().min(self.bytes.len()));
            packets.push(Packet {
                from,
                header: String::from_utf8_lossy(&header).into_owned(),
                text: text.to_string(),
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "3b4a92305a76109bf0e79";

    fn capture(id: &str) -> Vec<Event> {
        let event = |(from, text): (Side, &str)| Event::new(1, from, Content::Segment(text.replace("ID", id).into()));
        CAPTURE.into_iter().map(event).collect()
    }

    fn cut(events: &[Event], length: usize) -> Vec<Event> {
        let pieces = |event: &Event| {
            let Content::Segment(segment) = &event.content else {
                panic!("a capture has segments only");
            };
            let pieces: Vec<_> = segment.chunks(length).map(|piece| piece.to_vec().into()).collect();
            let event = event.clone();
            pieces.into_iter().map(move |piece| {
                let mut event = event.clone();
                event.content = Content::Segment(piece);
                event
            })
        };
        events.iter().flat_map(pieces).collect()
    }

    #[test]
    fn the_tutorials_capture_passes_however_it_is_cut() {
        let events = capture(ID);
        for length in 1..80 {
            let packets = Packet::all(&cut(&events, length)).expect("frames");
            check(&packets).expect("the tutorial's packets");
        }
    }

    #[test]
    fn a_header_written_in_another_way_does_not_pass() {
        let mut packets = Packet::all(&capture(ID)).expect("frames");
        packets[0].header = "029#".to_owned();
        assert!(check(&packets).is_err());
    }

    #[test]
    fn what_is_no_id_of_nests_does_not_pass() {
        for id in ["x".repeat(21), "ABCDEF000000000000000".to_owned()] {
            let packets = Packet::all(&capture(&id)).expect("frames");
            assert!(check(&packets).is_err(), "{id}");
        }
    }

    #[test]
    fn a_missing_packet_is_noticed() {
        let packets = Packet::all(&capture(ID)[..2]).expect("frames");
        assert!(check(&packets).is_err());
        assert!(check(&[]).is_err());
    }

    #[test]
    fn kinds_are_told_apart() {
        let packets = Packet::all(&capture(ID)).expect("frames");
        let kinds: Vec<_> = packets.iter().map(|packet| packet.kind().expect("JSON")).collect();
        assert_eq!(kinds, [Kind::Event, Kind::Message, Kind::Answer]);
    }
}
