//! IP packets that were sent in fragments, put together.

use std::{collections::VecDeque, net::IpAddr};

use etherparse::{IpFragOffset, IpNumber, Ipv6ExtensionSlice, LaxNetSlice, LaxSlicedPacket, defrag::IpDefragBuf};

use super::segment::IpPayload;

/// Maximum number of packets, of up to 64 KiB each, whose fragments are waited for. The one that
/// began first makes room.
const MAX_PACKETS: usize = 64;

/// The packets of which some fragments are there.
#[derive(Default)]
pub(super) struct Fragments {
    packets: VecDeque<(Identity, IpDefragBuf)>,
}

/// What the fragments of one packet have in common.
#[derive(Debug, PartialEq, Eq)]
struct Identity {
    source: IpAddr,
    destination: IpAddr,
    protocol: IpNumber,
    identification: u32,
}

/// Where in its packet a fragment belongs.
struct Place {
    identification: u32,
    offset: IpFragOffset,
    has_more: bool,
}

impl Fragments {
    /// Adds a fragment. Returns the whole payload if it was the last that lacked.
    pub(super) fn add(&mut self, packet: &LaxSlicedPacket<'_>, payload: &IpPayload<'_>) -> Option<Vec<u8>> {
        let place = Place::of(packet)?;
        let identity = Identity {
            source: payload.source,
            destination: payload.destination,
            protocol: payload.protocol,
            identification: place.identification,
        };
        let index = self.index(identity);
        let (_, buffer) = self.packets.get_mut(index)?;
        // A fragment that was cut off would be taken for a shorter one. One that contradicts the
        // others is damage, or an attack on those who put fragments together.
        let is_sound = payload.cut == 0 && buffer.add(place.offset, place.has_more, payload.bytes).is_ok();
        match (is_sound, buffer.is_complete()) {
            (true, false) => None,
            (true, true) => Some(self.packets.remove(index)?.1.take_bufs().0),
            (false, _) => {
                self.packets.remove(index);
                None
            }
        }
    }

    fn index(&mut self, identity: Identity) -> usize {
        let known = self.packets.iter().position(|(known, _)| *known == identity);
        known.unwrap_or_else(|| {
            if self.packets.len() >= MAX_PACKETS {
                self.packets.pop_front();
            }
            let buffer = IpDefragBuf::new(identity.protocol, Vec::new(), Vec::new());
            self.packets.push_back((identity, buffer));
            self.packets.len() - 1
        })
    }
}

impl Place {
    fn of(packet: &LaxSlicedPacket<'_>) -> Option<Self> {
        match packet.net.as_ref()? {
            LaxNetSlice::Ipv4(ip) => {
                let header = ip.header();
                header.is_fragmenting_payload().then(|| Self {
                    identification: header.identification().into(),
                    offset: header.fragments_offset(),
                    has_more: header.more_fragments(),
                })
            }
            LaxNetSlice::Ipv6(ip) => ip
                .extensions()
                .clone()
                .into_iter()
                .find_map(|extension| match extension {
                    Ipv6ExtensionSlice::Fragment(header) if header.is_fragmenting_payload() => Some(Self {
                        identification: header.identification(),
                        offset: header.fragment_offset(),
                        has_more: header.more_fragments(),
                    }),
                    _ => None,
                }),
            LaxNetSlice::Arp(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::written::{Old, caller, seen},
        *,
    };

    const SEEN: [&str; 2] = [
        "1 opened 10.0.0.1:40000 -> 10.0.0.2:3000 Middle",
        "1 caller a payload in three fragments",
    ];

    fn file(fragments: &[Vec<u8>]) -> Vec<u8> {
        let mut file = Old::new(101, false, false);
        for fragment in fragments {
            file.packet(0, fragment);
        }
        file.bytes()
    }

    #[test]
    fn fragments_are_put_together_in_any_order() {
        let mut fragments = caller(1).data(b"a payload in three fragments").fragments(16);
        assert_eq!(fragments.len(), 3);
        assert_eq!(seen(&file(&fragments)), SEEN);
        fragments.reverse();
        assert_eq!(seen(&file(&fragments)), SEEN);
        fragments.push(fragments[0].clone());
        assert_eq!(seen(&file(&fragments)), SEEN);
    }

    #[test]
    fn a_packet_of_which_a_fragment_was_cut_off_is_dropped() {
        let fragments = caller(1).data(b"a payload in three fragments").fragments(16);
        let mut file = Old::new(101, false, false);
        file.packet(0, &fragments[0]);
        file.packet(0, &fragments[1]);
        file.snapped(0, &fragments[2], 20 + 8);
        assert!(seen(&file.bytes()).is_empty());
    }

    #[test]
    fn packets_of_which_a_fragment_lacks_are_kept_up_to_a_number() {
        let mut pool = Fragments::default();
        for port in 0..1000_u16 {
            let mut fragment = caller(1).data(b"a payload in fragments").fragments(24).remove(0);
            fragment[4..6].copy_from_slice(&port.to_be_bytes());
            let packet = LaxSlicedPacket::from_ip(&fragment).expect("it is IP");
            let payload = IpPayload::of(&packet, 0).expect("it is IP");
            assert!(pool.add(&packet, &payload).is_none());
            assert!(pool.packets.len() <= MAX_PACKETS);
        }
    }
}
