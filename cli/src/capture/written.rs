//! Captures written by hand, for the tests: TCP segments, and files of both formats around them.

use std::net::SocketAddr;

use etherparse::{PacketBuilder, PacketBuilderStep, TcpHeader, ip_number};

use super::{
    Capture,
    error::CaptureError,
    event::{Action, Captured, Traffic},
};

/// A TCP segment.
#[derive(Debug, Clone)]
pub(super) struct Tcp {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    header: TcpHeader,
    data: Vec<u8>,
}

/// Returns a segment of 10.0.0.1:40000 to 10.0.0.2:3000.
pub(super) fn caller(sequence: u32) -> Tcp {
    Tcp::new([10, 0, 0, 1], [10, 0, 0, 2], sequence).between(40_000, 3000)
}

/// Returns a segment of 10.0.0.2:3000 to 10.0.0.1:40000.
pub(super) fn service(sequence: u32) -> Tcp {
    Tcp::new([10, 0, 0, 2], [10, 0, 0, 1], sequence).between(3000, 40_000)
}

impl Tcp {
    fn new(from: [u8; 4], to: [u8; 4], sequence: u32) -> Self {
        Self {
            from: (from, 0).into(),
            to: (to, 0).into(),
            header: TcpHeader::new(0, 0, sequence, 1000),
            data: Vec::new(),
        }
    }

    pub(super) fn between(mut self, from: u16, to: u16) -> Self {
        self.from.set_port(from);
        self.to.set_port(to);
        self
    }

    pub(super) fn ack(mut self, acknowledgment: u32) -> Self {
        self.header.ack = true;
        self.header.acknowledgment_number = acknowledgment;
        self
    }

    pub(super) fn syn(mut self) -> Self {
        self.header.syn = true;
        self
    }

    pub(super) fn fin(mut self) -> Self {
        self.header.fin = true;
        self
    }

    pub(super) fn rst(mut self) -> Self {
        self.header.rst = true;
        self
    }

    pub(super) fn data(mut self, data: &[u8]) -> Self {
        self.data = data.to_vec();
        self
    }

    /// Returns the packet from IP on.
    pub(super) fn ip(&self) -> Vec<u8> {
        match (self.from, self.to) {
            (SocketAddr::V4(from), SocketAddr::V4(to)) => {
                self.after(PacketBuilder::ipv4(from.ip().octets(), to.ip().octets(), 64))
            }
            (SocketAddr::V6(from), SocketAddr::V6(to)) => {
                self.after(PacketBuilder::ipv6(from.ip().octets(), to.ip().octets(), 64))
            }
            _ => panic!("both addresses are of one version"),
        }
    }

    fn after(&self, step: PacketBuilderStep<etherparse::IpHeaders>) -> Vec<u8> {
        let mut header = self.header.clone();
        header.source_port = self.from.port();
        header.destination_port = self.to.port();
        let mut packet = Vec::new();
        step.tcp_header(header)
            .write(&mut packet, &self.data)
            .expect("a vector takes all");
        packet
    }

    /// Returns the packet from its Ethernet header on.
    pub(super) fn ethernet(&self) -> Vec<u8> {
        self.behind(&[0; 12], &[])
    }

    /// Returns the packet behind addresses, and then other headers that end with the number of a
    /// protocol.
    pub(super) fn behind(&self, addresses: &[u8], headers: &[u8]) -> Vec<u8> {
        let ether_type: &[u8] = if self.from.is_ipv4() {
            &[0x08, 0x00]
        } else {
            &[0x86, 0xDD]
        };
        [addresses, headers, ether_type, &self.ip()].concat()
    }

    /// Returns the IP packet in fragments, whose payloads have at most this number of bytes.
    pub(super) fn fragments(&self, size: usize) -> Vec<Vec<u8>> {
        let packet = self.ip();
        let (header, payload) = packet.split_at(20);
        let count = payload.len().div_ceil(size);
        let fragment = |(index, chunk): (usize, &[u8])| {
            let mut header = header.to_vec();
            header[2..4].copy_from_slice(&(20 + chunk.len() as u16).to_be_bytes());
            header[4..6].copy_from_slice(&7_u16.to_be_bytes());
            let more = if index + 1 < count { 0x2000 } else { 0 };
            header[6..8].copy_from_slice(&((index * size / 8) as u16 | more).to_be_bytes());
            assert_eq!(header[9], ip_number::TCP.0);
            [&header, chunk].concat()
        };
        payload.chunks(size).enumerate().map(fragment).collect()
    }
}

/// A pcap file.
pub(super) struct Old {
    is_big_endian: bool,
    is_nanoseconds: bool,
    bytes: Vec<u8>,
}

impl Old {
    pub(super) fn new(link: u32, is_big_endian: bool, is_nanoseconds: bool) -> Self {
        let mut file = Self {
            is_big_endian,
            is_nanoseconds,
            bytes: Vec::new(),
        };
        file.u32(if is_nanoseconds { 0xA1B2_3C4D } else { 0xA1B2_C3D4 });
        // Version 2.4, as 16 bits each.
        file.u32(if is_big_endian { 0x0002_0004 } else { 0x0004_0002 });
        for number in [0, 0, 262_144, link] {
            file.u32(number);
        }
        file
    }

    /// Returns a file of Ethernet frames.
    pub(super) fn of(packets: &[Tcp]) -> Self {
        let mut file = Self::new(1, false, false);
        for packet in packets {
            file.packet(0, &packet.ethernet());
        }
        file
    }

    /// Adds a packet, at a time in nanoseconds.
    pub(super) fn packet(&mut self, at: u64, packet: &[u8]) {
        self.snapped(at, packet, packet.len());
    }

    /// Adds the beginning of a packet.
    pub(super) fn snapped(&mut self, at: u64, packet: &[u8], length: usize) {
        let fraction = at % 1_000_000_000 / if self.is_nanoseconds { 1 } else { 1000 };
        for number in [at / 1_000_000_000, fraction, length as u64, packet.len() as u64] {
            self.u32(number as u32);
        }
        self.bytes.extend(&packet[..length]);
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.bytes.clone()
    }

    fn u32(&mut self, number: u32) {
        self.bytes.extend(if self.is_big_endian {
            number.to_be_bytes()
        } else {
            number.to_le_bytes()
        });
    }
}

/// A pcapng file.
pub(super) struct Ng {
    is_big_endian: bool,
    bytes: Vec<u8>,
}

impl Ng {
    pub(super) fn new(is_big_endian: bool) -> Self {
        let mut file = Self {
            is_big_endian,
            bytes: Vec::new(),
        };
        file.section();
        file
    }

    /// Returns a file of Ethernet frames.
    pub(super) fn of(packets: &[Tcp]) -> Self {
        let mut file = Self::new(false);
        file.interface(1, 0, &[]);
        for packet in packets {
            file.packet(0, 0, &packet.ethernet());
        }
        file
    }

    pub(super) fn section(&mut self) {
        let version = if self.is_big_endian { 0x0001_0000 } else { 1 };
        let body = self.numbers(&[0x1A2B_3C4D, version, u32::MAX, u32::MAX]);
        self.block(0x0A0D_0D0A, &body);
    }

    /// Adds an interface, with options as they are in the file.
    pub(super) fn interface(&mut self, link: u32, snap_length: u32, options: &[u8]) {
        let link = if self.is_big_endian { link << 16 } else { link };
        let mut body = self.numbers(&[link, snap_length]);
        body.extend(options);
        self.block(1, &body);
    }

    /// Adds a packet of an interface, at a time in the interface's unit.
    pub(super) fn packet(&mut self, interface: u32, at: u64, packet: &[u8]) {
        let length = packet.len() as u32;
        let mut body = self.numbers(&[interface, (at >> 32) as u32, at as u32, length, length]);
        body.extend(packet);
        self.block(6, &body);
    }

    /// Adds a packet of the first interface, without a time.
    pub(super) fn simple(&mut self, packet: &[u8], original: usize) {
        let mut body = self.numbers(&[original as u32]);
        body.extend(packet);
        self.block(3, &body);
    }

    pub(super) fn block(&mut self, kind: u32, body: &[u8]) {
        let padding = body.len().next_multiple_of(4) - body.len();
        let length = (12 + body.len() + padding) as u32;
        let head = self.numbers(&[kind, length]);
        let tail = self.numbers(&[length]);
        self.bytes.extend([&head, body, &[0; 3][..padding], &tail].concat());
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.bytes.clone()
    }

    fn numbers(&self, numbers: &[u32]) -> Vec<u8> {
        let bytes = |number: &u32| match self.is_big_endian {
            true => number.to_be_bytes(),
            false => number.to_le_bytes(),
        };
        numbers.iter().flat_map(bytes).collect()
    }
}

/// Returns what a whole capture shows, a line for each action.
pub(super) fn seen(file: &[u8]) -> Vec<String> {
    seen_of_port(file, None)
}

pub(super) fn seen_of_port(file: &[u8], port: Option<u16>) -> Vec<String> {
    let items: Vec<_> = Capture::open(file, port).expect("it is a capture").collect();
    assert!(items.iter().all(Result::is_ok), "{items:?}");
    lines(&items)
}

/// Returns what a capture shows, with its first error.
pub(super) fn try_seen(file: &[u8]) -> (Vec<String>, Option<CaptureError>) {
    match Capture::open(file, None) {
        Ok(capture) => {
            let items: Vec<_> = capture.collect();
            (lines(&items), items.into_iter().find_map(Result::err))
        }
        Err(error) => (Vec::new(), Some(error)),
    }
}

pub(super) fn lines(items: &[Result<Captured, CaptureError>]) -> Vec<String> {
    let traffic = items.iter().filter_map(|item| match item {
        Ok(Captured::Traffic(traffic)) => Some(traffic),
        _ => None,
    });
    traffic.map(line).collect()
}

pub(super) fn line(traffic: &Traffic) -> String {
    let Traffic { connection, from, .. } = traffic;
    match &traffic.action {
        Action::Opened { caller, service, began } => {
            format!("{connection} opened {caller} -> {service} {began:?}")
        }
        Action::Bytes(bytes) => format!("{connection} {from} {}", bytes.escape_ascii()),
        Action::Missing(bytes) => format!("{connection} {from} missing {bytes}"),
        Action::Cut { bytes, snap_length } => format!("{connection} {from} cut {bytes} by {snap_length}"),
        Action::Ended => format!("{connection} {from} ended"),
        Action::Reset => format!("{connection} {from} reset"),
        Action::Forgotten => format!("{connection} forgotten"),
    }
}
