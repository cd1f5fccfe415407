//! The newer format: sections of blocks, with packets from several interfaces.

use std::io::Read;

use pcap_parser::{
    Block, EnhancedPacketBlock, InterfaceDescriptionBlock, Linktype, SimplePacketBlock, parse_block_be, parse_block_le,
    traits::PcapNGPacketBlock,
};

use super::{error::CaptureError, packet::Packet, source::Source};

/// The type of the block that begins a section: the same in both byte orders.
const SECTION: [u8; 4] = [0x0A, 0x0D, 0x0D, 0x0A];
/// The byte order mark in a section's header, as a big-endian writer has it.
const BIG_ENDIAN: [u8; 4] = [0x1A, 0x2B, 0x3C, 0x4D];
/// Size, in bytes, of the smallest block: its type, and its length twice.
const MIN_BLOCK_BYTES: usize = 12;
/// Maximum number of interfaces in a section.
const MAX_INTERFACES: usize = 65_536;
const NANOSECONDS_PER_SECOND: i128 = 1_000_000_000;

/// The reader of the packets, and what it knows of the current section.
#[derive(Default)]
pub(super) struct Pcapng {
    is_big_endian: bool,
    interfaces: Vec<Interface>,
    /// The time of the last packet that has one: a simple packet block has none.
    last: i128,
}

#[derive(Clone, Copy)]
struct Interface {
    link: Linktype,
    snap_length: u32,
    /// The unit of its times, as an exponent: of 2 if the highest bit is set, else of 10.
    resolution: u8,
    /// Seconds to add to its times.
    offset: i64,
}

impl Pcapng {
    /// Returns true if a file that begins with these four bytes has this format.
    pub(super) fn is_magic(bytes: &[u8]) -> bool {
        bytes == SECTION
    }

    /// Reads the header of the first section.
    pub(super) fn open<R: Read>(source: &mut Source<R>) -> Result<Self, CaptureError> {
        let mut pcapng = Self::default();
        let length = pcapng.length(source)?;
        source.read_to(length)?;
        pcapng.has_packet(source)?;
        Ok(pcapng)
    }

    /// Reads up to the next packet. Returns `None` at the end of the file.
    pub(super) fn packet<'a, R: Read>(
        &mut self,
        source: &'a mut Source<R>,
    ) -> Result<Option<Packet<'a>>, CaptureError> {
        loop {
            if !source.begin()? {
                return Ok(None);
            }
            let length = self.length(source)?;
            source.read_to(length)?;
            if self.has_packet(source)? {
                return self.parsed(source).map(Some);
            }
        }
    }

    /// Reads the length of the block that begins. A section's header also says the byte order.
    fn length<R: Read>(&mut self, source: &mut Source<R>) -> Result<usize, CaptureError> {
        let start = source.read_to(MIN_BLOCK_BYTES)?;
        if start[..4] == SECTION {
            self.is_big_endian = start[8..12] == BIG_ENDIAN;
        }
        let length: [u8; 4] = start[4..8].try_into().expect("four bytes are four bytes");
        let length = if self.is_big_endian {
            u32::from_be_bytes(length)
        } else {
            u32::from_le_bytes(length)
        } as usize;
        match length < MIN_BLOCK_BYTES || !length.is_multiple_of(4) {
            true => Err(source.broken("its length is impossible")),
            false => Ok(length),
        }
    }

    /// Takes note of a block that describes. Returns true if it holds a packet.
    fn has_packet<R: Read>(&mut self, source: &Source<R>) -> Result<bool, CaptureError> {
        match self.block(source)? {
            Block::SectionHeader(_) => self.interfaces.clear(),
            Block::InterfaceDescription(_) if self.interfaces.len() >= MAX_INTERFACES => {
                return Err(source.broken("there are too many interfaces"));
            }
            Block::InterfaceDescription(description) => self.interfaces.push(Interface::of(&description)),
            Block::EnhancedPacket(_) | Block::SimplePacket(_) => return Ok(true),
            _ => {}
        }
        Ok(false)
    }

    fn parsed<'a, R: Read>(&mut self, source: &'a Source<R>) -> Result<Packet<'a>, CaptureError> {
        let interface = |number: u32| {
            let interface = self.interfaces.get(number as usize);
            interface
                .copied()
                .ok_or(source.broken("its interface is not described"))
        };
        match self.block(source)? {
            Block::EnhancedPacket(packet) => {
                let interface = interface(packet.if_id)?;
                self.last = interface.time(&packet);
                Ok(interface.packet(&packet, self.last))
            }
            Block::SimplePacket(packet) => Ok(interface(0)?.simple(&packet, self.last)),
            _ => Err(source.broken("it holds no packet")),
        }
    }

    fn block<'a, R: Read>(&self, source: &'a Source<R>) -> Result<Block<'a>, CaptureError> {
        let bytes = source.block();
        let parsed = if self.is_big_endian {
            parse_block_be(bytes)
        } else {
            parse_block_le(bytes)
        };
        // The whole block is there: also "incomplete" says that lengths in it contradict each other.
        let (_, block) = parsed.map_err(|_| source.broken("its lengths contradict each other"))?;
        match bytes.len() >= 8 && bytes[4..8] == bytes[bytes.len() - 4..] {
            true => Ok(block),
            false => Err(source.broken("its two lengths differ")),
        }
    }
}

impl Interface {
    const fn of(description: &InterfaceDescriptionBlock<'_>) -> Self {
        Self {
            link: description.linktype,
            snap_length: description.snaplen,
            resolution: description.if_tsresol,
            offset: description.if_tsoffset,
        }
    }

    /// Returns the time of a packet, in nanoseconds since 1970.
    fn time(&self, packet: &EnhancedPacketBlock<'_>) -> i128 {
        let units = i128::from(packet.ts_high) << 32 | i128::from(packet.ts_low);
        let exponent = u32::from(self.resolution & 0x7F);
        let units_per_second = if self.resolution & 0x80 == 0 {
            10_i128.checked_pow(exponent)
        } else {
            2_i128.checked_pow(exponent)
        };
        // A unit that small measures no nanoseconds.
        let nanoseconds = units_per_second.map_or(0, |per_second| units * NANOSECONDS_PER_SECOND / per_second);
        nanoseconds + i128::from(self.offset) * NANOSECONDS_PER_SECOND
    }

    fn packet<'a>(&self, packet: &EnhancedPacketBlock<'a>, time: i128) -> Packet<'a> {
        let length = packet.data.len().min(packet.caplen as usize);
        Packet {
            time,
            link: self.link,
            snap_length: self.snap_length,
            original: packet.orig_len() as usize,
            bytes: &packet.data[..length],
        }
    }

    /// Such a block does not say how much of the packet was captured, only how long it was.
    fn simple<'a>(&self, packet: &SimplePacketBlock<'a>, time: i128) -> Packet<'a> {
        let limit = match self.snap_length {
            0 => usize::MAX,
            limit => limit as usize,
        };
        let length = packet.data.len().min(packet.origlen as usize).min(limit);
        Packet {
            time,
            link: self.link,
            snap_length: self.snap_length,
            original: packet.orig_len() as usize,
            bytes: &packet.data[..length],
        }
    }
}
