//! The older format: a header, then packets. In both byte orders, with times in microseconds or
//! nanoseconds.

use std::io::Read;

use pcap_parser::{
    Linktype, PcapHeader, parse_pcap_frame, parse_pcap_frame_be, parse_pcap_frame_modified, parse_pcap_header,
};

use super::{error::CaptureError, link::Link, packet::Packet, source::Source};

const HEADER_BYTES: usize = 24;
/// The bits of a header that say the link type. Others say how long the checksum behind each frame
/// is, which IP's own length leaves out.
const LINK_TYPE: i32 = 0xFFFF;
const NANOSECONDS_PER_SECOND: i128 = 1_000_000_000;

/// The reader of the packets.
pub(super) struct Pcap {
    header: PcapHeader,
    /// Size, in bytes, of what precedes each packet.
    frame_header: usize,
}

impl Pcap {
    /// Returns true if a file that begins with these four bytes has this format.
    pub(super) fn is_magic(bytes: &[u8]) -> bool {
        matches!(
            bytes,
            [0xD4, 0xC3, 0xB2, 0xA1]
                | [0xA1, 0xB2, 0xC3, 0xD4]
                | [0x4D, 0x3C, 0xB2, 0xA1]
                | [0xA1, 0xB2, 0x3C, 0x4D]
                | [0x34, 0xCD, 0xB2, 0xA1]
        )
    }

    /// Reads the header of the file.
    pub(super) fn open<R: Read>(source: &mut Source<R>) -> Result<Self, CaptureError> {
        let header = match parse_pcap_header(source.read_to(HEADER_BYTES)?) {
            Ok((_, header)) => header,
            Err(_) => return Err(CaptureError::NotACapture),
        };
        let link = Linktype(header.network.0 & LINK_TYPE);
        if Link::of(link).is_none() {
            return Err(CaptureError::UnknownLinkType(link.0));
        }
        let frame_header = if header.is_modified_format() { 24 } else { 16 };
        Ok(Self { header, frame_header })
    }

    /// Reads the next packet. Returns `None` at the end of the file.
    pub(super) fn packet<'a, R: Read>(&self, source: &'a mut Source<R>) -> Result<Option<Packet<'a>>, CaptureError> {
        if !source.begin()? {
            return Ok(None);
        }
        let length = match source.read_to(self.frame_header)? {
            [_, _, _, _, _, _, _, _, a, b, c, d, ..] => [*a, *b, *c, *d],
            _ => return Err(source.broken("it has no length")),
        };
        let length = if self.header.is_bigendian() {
            u32::from_be_bytes(length)
        } else {
            u32::from_le_bytes(length)
        };
        source.read_to(self.frame_header.saturating_add(length as usize))?;
        self.parsed(source).map(Some)
    }

    fn parsed<'a, R>(&self, source: &'a Source<R>) -> Result<Packet<'a>, CaptureError>
    where
        R: Read,
    {
        let parse = match (self.header.is_modified_format(), self.header.is_bigendian()) {
            (true, _) => parse_pcap_frame_modified,
            (false, true) => parse_pcap_frame_be,
            (false, false) => parse_pcap_frame,
        };
        let Ok((_, frame)) = parse(source.block()) else {
            return Err(source.broken("its length is wrong"));
        };
        let nanoseconds_per_unit = if self.header.is_nanosecond_precision() { 1 } else { 1000 };
        Ok(Packet {
            time: i128::from(frame.ts_sec) * NANOSECONDS_PER_SECOND + i128::from(frame.ts_usec) * nanoseconds_per_unit,
            link: Linktype(self.header.network.0 & LINK_TYPE),
            snap_length: self.header.snaplen,
            original: frame.origlen as usize,
            bytes: frame.data,
        })
    }
}
