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
        // The whole block is there: "incomplete" too says that its lengths contradict each other.
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{
        Capture,
        event::Captured,
        written::{Ng, caller, seen, service, try_seen},
    };

    /// The option that says the unit of time.
    const fn resolution(exponent: u8) -> [u8; 8] {
        [9, 0, 1, 0, exponent, 0, 0, 0]
    }

    fn times(file: &[u8]) -> Vec<Duration> {
        let items = Capture::open(file, None).expect("it is a capture");
        let traffic = items.filter_map(|item| match item.expect("it is whole") {
            Captured::Traffic(traffic) => Some(traffic.at),
            Captured::Summary(_) => None,
        });
        traffic.collect()
    }

    #[test]
    fn two_interfaces_have_their_own_link_types_and_units_of_time() {
        let mut file = Ng::new(false);
        file.interface(1, 0, &[]);
        file.interface(
            101,
            0,
            &[&resolution(9)[..], &[14, 0, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0]].concat(),
        );
        file.packet(0, 5_000_000, &caller(1).data(b"ask").ethernet());
        // Five seconds, of which one is the interface's offset, and seven nanoseconds.
        file.packet(1, 4_000_000_007, &service(1).data(b"answer").ip());
        assert_eq!(
            seen(&file.bytes()),
            [
                "1 opened 10.0.0.1:40000 -> 10.0.0.2:3000 Middle",
                "1 caller ask",
                "1 service answer"
            ]
        );
        assert_eq!(times(&file.bytes())[2], Duration::from_nanos(7));
    }

    #[test]
    fn units_of_time_are_powers_of_two_or_ten_of_any_size() {
        for (exponent, units, expected) in [
            (0x80 | 10, 512, Duration::from_millis(500)),
            (3, 1500, Duration::from_millis(1500)),
            (0, 2, Duration::from_secs(2)),
            (127, u64::MAX, Duration::ZERO),
            (255, u64::MAX, Duration::ZERO),
        ] {
            let mut file = Ng::new(false);
            file.interface(101, 0, &resolution(exponent));
            file.packet(0, 0, &caller(1).data(b"a").ip());
            file.packet(0, units, &caller(2).data(b"b").ip());
            assert_eq!(times(&file.bytes())[2], expected, "{exponent}");
        }
    }

    #[test]
    fn sections_have_their_own_byte_order_and_interfaces() {
        let (mut little, mut big) = (Ng::new(false), Ng::new(true));
        little.interface(101, 0, &[]);
        little.packet(0, 0, &caller(1).data(b"little").ip());
        big.interface(1, 0, &[]);
        big.packet(0, 0, &caller(7).data(b" big").ethernet());
        let lines = seen(&[little.bytes(), big.bytes()].concat());
        assert_eq!(lines[1..], ["1 caller little", "1 caller  big"]);
        let lines = seen(&[big.bytes(), little.bytes()].concat());
        assert_eq!(lines[1..], ["1 caller  big"], "what was sent before is old");
    }

    #[test]
    fn a_simple_packet_has_the_first_interfaces_limit_and_the_last_time() {
        let packet = caller(1).data(b"hello").ip();
        let mut file = Ng::new(true);
        file.interface(101, 42, &[]);
        file.simple(&packet[..42], packet.len());
        assert_eq!(seen(&file.bytes())[1..], ["1 caller he", "1 caller cut 3 by 42"]);
        let mut file = Ng::new(false);
        file.interface(101, 0, &[]);
        file.simple(&packet, packet.len());
        assert_eq!(seen(&file.bytes())[1..], ["1 caller hello"]);
    }

    #[test]
    fn other_blocks_are_passed_over() {
        let mut file = Ng::new(false);
        file.interface(101, 0, &[]);
        file.block(5, &[0; 12]);
        file.block(0x0BAD, b"whatever it is");
        file.packet(0, 0, &caller(1).data(b"hello").ip());
        assert_eq!(seen(&file.bytes())[1..], ["1 caller hello"]);
    }

    #[test]
    fn packets_of_an_unknown_link_type_are_passed_over_unless_there_are_no_others() {
        let mut file = Ng::new(false);
        file.interface(147, 0, &[]);
        file.interface(101, 0, &[]);
        file.packet(0, 0, b"unknown");
        let (lines, error) = try_seen(&file.bytes());
        assert!(lines.is_empty());
        assert_eq!(
            error.map(|error| error.to_string()).as_deref(),
            Some("link type 147 is not known")
        );
        file.packet(1, 0, &caller(1).data(b"hello").ip());
        assert_eq!(seen(&file.bytes())[1..], ["1 caller hello"]);
    }

    #[test]
    fn a_simple_packet_has_one_length() {
        let mut file = Ng::new(false);
        file.interface(101, 0, &[]);
        let at = file.bytes().len();
        file.simple(b"whatever it is", 14);
        let mut file = file.bytes();
        *file.last_mut().expect("the file has bytes") ^= 1;
        let (_, error) = try_seen(&file);
        assert_eq!(
            error.map(|error| error.to_string()),
            Some(format!("the packet at byte {at} is broken: its two lengths differ"))
        );
    }

    #[test]
    fn a_broken_length_is_an_error_with_its_place() {
        let mut file = Ng::new(false);
        file.interface(101, 0, &[]);
        let at = file.bytes().len();
        file.packet(0, 0, &caller(1).data(b"hello!!").ip());
        let whole = file.bytes();
        let error = |index: usize, number: u32| {
            let mut changed = whole.clone();
            changed[index..index + 4].copy_from_slice(&number.to_le_bytes());
            let (_, error) = try_seen(&changed);
            error.map(|error| error.to_string()).unwrap_or_default()
        };
        let broken = |reason: &str| format!("the packet at byte {at} is broken: {reason}");
        let length = (whole.len() - at) as u32;
        assert_eq!(error(at + 4, 8), broken("its length is impossible"));
        assert_eq!(error(at + 4, length - 1), broken("its length is impossible"));
        assert_eq!(error(at + 4, u32::MAX - 3), broken("its length is beyond all limits"));
        assert_eq!(error(at + 4, length - 4), broken("its lengths contradict each other"));
        assert_eq!(
            error(whole.len() - 4, length + 4),
            broken("its lengths contradict each other")
        );
        assert_eq!(error(at + 20, u32::MAX), broken("its lengths contradict each other"));
        assert_eq!(error(at + 20, 1000), broken("its lengths contradict each other"));
        assert_eq!(error(at + 8, 1), broken("its interface is not described"));
        assert_eq!(
            error(at + 4, length + 4),
            format!("it ends inside a packet, which begins at byte {at}")
        );
    }
}
