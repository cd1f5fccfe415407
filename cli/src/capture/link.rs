//! The link layers: where in a packet IP begins.

use etherparse::{EtherType, LaxSlicedPacket};
use pcap_parser::Linktype;

/// What precedes IP in a packet. Numbers are those of <https://www.tcpdump.org/linktypes.html>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    Ethernet,
    /// "Linux cooked", what `tcpdump -i any` writes before its version 4.99.
    Cooked,
    /// "Linux cooked" version 2, what `tcpdump -i any` writes from then on.
    Cooked2,
    /// Four bytes that name the protocol family: BSD's and macOS's loopback.
    Loopback,
    /// Nothing.
    Ip,
}

/// Size, in bytes, of the headers that precede IP.
const COOKED_BYTES: usize = 16;
const COOKED2_BYTES: usize = 20;
const LOOPBACK_BYTES: usize = 4;

impl Link {
    /// Returns `None` if the link type is not known.
    pub(super) const fn of(link: Linktype) -> Option<Self> {
        Some(match link {
            Linktype::ETHERNET => Self::Ethernet,
            Linktype::LINUX_SLL => Self::Cooked,
            Linktype::LINUX_SLL2 => Self::Cooked2,
            Linktype::NULL | Linktype::LOOP => Self::Loopback,
            // 12 and 14 are what some systems' own number for raw IP is.
            Linktype::RAW | Linktype::IPV4 | Linktype::IPV6 | Linktype(12 | 14) => Self::Ip,
            _ => return None,
        })
    }

    /// Takes a packet apart. Returns `None` if even the header of its link layer is cut off.
    pub(super) fn sliced(self, packet: &[u8]) -> Option<LaxSlicedPacket<'_>> {
        match self {
            Self::Ethernet => LaxSlicedPacket::from_ethernet(packet).ok(),
            Self::Cooked => of_ether_type(packet.get(14..16)?, packet.get(COOKED_BYTES..)?),
            Self::Cooked2 => of_ether_type(packet.get(..2)?, packet.get(COOKED2_BYTES..)?),
            // IP says its version itself. The family's number differs from system to system, and its
            // byte order from capture to capture.
            Self::Loopback => LaxSlicedPacket::from_ip(packet.get(LOOPBACK_BYTES..)?).ok(),
            Self::Ip => LaxSlicedPacket::from_ip(packet).ok(),
        }
    }
}

fn of_ether_type<'a>(number: &[u8], payload: &'a [u8]) -> Option<LaxSlicedPacket<'a>> {
    let number = u16::from_be_bytes(number.try_into().ok()?);
    Some(LaxSlicedPacket::from_ether_type(EtherType(number), payload))
}
