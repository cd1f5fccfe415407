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
            // IP says its version itself. The family's number differs from system to system, and
            // its byte order from capture to capture.
            Self::Loopback => LaxSlicedPacket::from_ip(packet.get(LOOPBACK_BYTES..)?).ok(),
            Self::Ip => LaxSlicedPacket::from_ip(packet).ok(),
        }
    }
}

fn of_ether_type<'a>(number: &[u8], payload: &'a [u8]) -> Option<LaxSlicedPacket<'a>> {
    let number = u16::from_be_bytes(number.try_into().ok()?);
    Some(LaxSlicedPacket::from_ether_type(EtherType(number), payload))
}

#[cfg(test)]
mod tests {
    use super::{
        super::written::{Old, Tcp, caller, seen},
        *,
    };

    /// Returns what a capture of this link type shows, with each packet as `written` says.
    fn seen_on(link: Linktype, written: impl Fn(&Tcp) -> Vec<u8>) -> Vec<String> {
        let mut file = Old::new(link.0 as u32, false, false);
        for packet in [caller(1).data(b"hello"), over_ipv6()] {
            file.packet(0, &written(&packet));
        }
        seen(&file.bytes())
    }

    fn over_ipv6() -> Tcp {
        let mut packet = caller(1).data(b"hello");
        packet.from.set_ip([0xFE80, 0, 0, 0, 0, 0, 0, 1].into());
        packet.to.set_ip([0xFE80, 0, 0, 0, 0, 0, 0, 2].into());
        packet
    }

    fn after(header: &'static [u8]) -> impl Fn(&Tcp) -> Vec<u8> {
        move |packet| [header, &packet.ip()].concat()
    }

    const BOTH: [&str; 4] = [
        "1 opened 10.0.0.1:40000 -> 10.0.0.2:3000 Middle",
        "1 caller hello",
        "2 opened [fe80::1]:40000 -> [fe80::2]:3000 Middle",
        "2 caller hello",
    ];

    #[test]
    fn ethernet_is_read_with_up_to_three_vlan_tags() {
        assert_eq!(seen_on(Linktype::ETHERNET, Tcp::ethernet), BOTH);
        let tags: [&[u8]; 3] = [
            b"\x81\x00\x00\x05",
            b"\x88\xA8\x00\x07\x81\x00\x00\x05",
            b"\x88\xA8\x00\x07\x81\x00\x00\x05\x81\x00\x00\x06",
        ];
        for tags in tags {
            assert_eq!(
                seen_on(Linktype::ETHERNET, |packet| packet.behind(&[0; 12], tags)),
                BOTH
            );
        }
    }

    #[test]
    fn the_padding_and_the_checksum_of_ethernet_are_no_payload() {
        let padded = |packet: &Tcp| [packet.ethernet(), vec![0xEE; 22]].concat();
        assert_eq!(seen_on(Linktype(1 | 0x2400_0000), padded), BOTH);
    }

    #[test]
    fn linux_cooked_is_read_in_both_versions() {
        assert_eq!(
            seen_on(Linktype::LINUX_SLL, |packet| packet.behind(&[0; 14], &[])),
            BOTH
        );
        let cooked2 = |packet: &Tcp| {
            let behind = packet.behind(&[], &[]);
            let (ether_type, ip) = behind.split_at(2);
            [ether_type, &[0; 18], ip].concat()
        };
        assert_eq!(seen_on(Linktype::LINUX_SLL2, cooked2), BOTH);
    }

    #[test]
    fn loopback_is_read_in_whichever_byte_order() {
        for header in [b"\x02\0\0\0", b"\0\0\0\x02", b"\x1E\0\0\0", b"\0\0\0\x18"] {
            for link in [Linktype::NULL, Linktype::LOOP] {
                assert_eq!(seen_on(link, after(header)), BOTH);
            }
        }
    }

    #[test]
    fn raw_ip_is_read_under_each_of_its_numbers() {
        for number in [12, 14, 101, 228, 229] {
            assert_eq!(seen_on(Linktype(number), after(b"")), BOTH);
        }
    }

    #[test]
    fn packets_cut_off_in_their_headers_are_counted_and_no_more() {
        for link in [1, 113, 276, 0, 101] {
            let packet = [vec![0; 20], caller(1).data(b"hello").ip()].concat();
            for length in 0..packet.len() {
                let _ = Link::of(Linktype(link)).and_then(|link| link.sliced(&packet[..length]));
            }
        }
    }
}
