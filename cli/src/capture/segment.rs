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
