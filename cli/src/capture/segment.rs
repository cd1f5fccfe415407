//! The TCP segment in a packet.

use std::net::{IpAddr, SocketAddr};

use etherparse::{IpNumber, LaxNetSlice, LaxSlicedPacket, TcpSlice};

/// A TCP segment, as far as it was captured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment<'a> {
    pub(super) source: SocketAddr,
    pub(super) destination: SocketAddr,
    pub(super) sequence: u32,
    pub(super) acknowledgment: Option<u32>,
    pub(super) is_syn: bool,
    pub(super) is_fin: bool,
    pub(super) is_reset: bool,
    pub(super) payload: &'a [u8],
    /// Number of bytes that the payload had beyond those that were captured.
    pub(super) cut: usize,
    /// The capture's limit for the size of a packet, which cut them off.
    pub(super) snap_length: u32,
}

/// What a packet holds of IP.
pub(super) struct IpPayload<'a> {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) protocol: IpNumber,
    pub(super) bytes: &'a [u8],
    /// Number of bytes that the packet's end lacks.
    pub(super) cut: usize,
}

impl<'a> Segment<'a> {
    /// Returns `None` if it is not TCP, or the header is broken or cut off.
    pub(super) fn of(ip: &IpPayload<'a>, snap_length: u32) -> Option<Self> {
        if ip.protocol != IpNumber::TCP {
            return None;
        }
        let tcp = TcpSlice::from_slice(ip.bytes).ok()?;
        Some(Self {
            source: SocketAddr::new(ip.source, tcp.source_port()),
            destination: SocketAddr::new(ip.destination, tcp.destination_port()),
            sequence: tcp.sequence_number(),
            acknowledgment: tcp.ack().then(|| tcp.acknowledgment_number()),
            is_syn: tcp.syn(),
            is_fin: tcp.fin(),
            is_reset: tcp.rst(),
            payload: tcp.payload(),
            cut: ip.cut,
            snap_length,
        })
    }

    /// Number of bytes that the payload had on the wire.
    pub(super) const fn length(&self) -> usize {
        self.payload.len() + self.cut
    }
}

impl<'a> IpPayload<'a> {
    /// Returns `None` if the packet is not IP, or its headers are broken or cut off.
    ///
    /// `lost` is the number of bytes that the capture has cut off the packet.
    pub(super) fn of(packet: &LaxSlicedPacket<'a>, lost: usize) -> Option<Self> {
        let (source, destination, payload, declared, headers) = match packet.net.as_ref()? {
            LaxNetSlice::Ipv4(ip) => (
                IpAddr::V4(ip.header().source_addr()),
                IpAddr::V4(ip.header().destination_addr()),
                ip.payload().clone(),
                usize::from(ip.header().total_len()),
                ip.header().slice().len() + ip.extensions().auth.map_or(0, |auth| auth.slice().len()),
            ),
            LaxNetSlice::Ipv6(ip) => (
                IpAddr::V6(ip.header().source_addr()),
                IpAddr::V6(ip.header().destination_addr()),
                ip.payload().clone(),
                usize::from(ip.header().payload_length()),
                ip.extensions().slice().len(),
            ),
            LaxNetSlice::Arp(_) => return None,
        };
        let captured = headers + payload.payload.len();
        let cut = match declared {
            // A segment that the network card cuts up later is longer than the header can say; then
            // it says 0, and all of the packet is meant.
            0 => lost,
            _ => declared.saturating_sub(captured),
        };
        Some(Self {
            source,
            destination,
            protocol: payload.ip_number,
            bytes: payload.payload,
            cut,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::super::written::{Old, caller, seen};

    const OPENED: &str = "1 opened 10.0.0.1:40000 -> 10.0.0.2:3000 Middle";

    #[test]
    fn a_length_of_zero_means_the_rest_of_the_packet() {
        let mut packet = caller(1).data(b"longer than 64 KiB").ip();
        packet[2..4].fill(0);
        let mut file = Old::new(101, false, false);
        file.snapped(0, &packet, 40 + 6);
        assert_eq!(
            seen(&file.bytes()),
            [OPENED, "1 caller longer", "1 caller cut 12 by 262144"]
        );
    }

    #[test]
    fn a_payload_cut_off_whole_is_counted() {
        let mut file = Old::new(101, false, false);
        file.snapped(0, &caller(1).data(b"hello").ip(), 40);
        file.packet(0, &caller(6).data(b"more").ip());
        assert_eq!(
            seen(&file.bytes()),
            [OPENED, "1 caller cut 5 by 262144", "1 caller more"]
        );
    }

    #[test]
    fn an_end_lies_behind_what_was_cut_off() {
        let mut file = Old::new(101, false, false);
        file.snapped(0, &caller(1).data(b"hello").fin().ip(), 42);
        assert_eq!(
            seen(&file.bytes()),
            [OPENED, "1 caller he", "1 caller cut 3 by 262144", "1 caller ended"]
        );
    }

    #[test]
    fn headers_between_ip_and_tcp_are_no_payload_that_was_cut_off() {
        let packet = caller(1).data(b"hello").ip();
        // The authentication header: the next protocol, its length, and what is of no matter.
        let mut authenticated = [&packet[..20], &[6, 1], &[0; 10], &packet[20..]].concat();
        authenticated[3] += 12;
        authenticated[9] = 51;
        // Options for the destination, of IPv6: the next protocol, and padding.
        let mut packet = caller(1).data(b"hello");
        packet.from.set_ip(Ipv6Addr::LOCALHOST.into());
        packet.to.set_ip(Ipv6Addr::LOCALHOST.into());
        let packet = packet.ip();
        let mut with_options = [&packet[..40], &[6, 0, 1, 4, 0, 0, 0, 0], &packet[40..]].concat();
        with_options[5] += 8;
        with_options[6] = 60;
        for packet in [authenticated, with_options] {
            let mut file = Old::new(101, false, false);
            file.packet(0, &packet);
            assert_eq!(seen(&file.bytes())[1..], ["1 caller hello"]);
            let mut file = Old::new(101, false, false);
            file.snapped(0, &packet, packet.len() - 3);
            assert_eq!(seen(&file.bytes())[1..], ["1 caller he", "1 caller cut 3 by 262144"]);
        }
    }
}
