//! A packet as a capture file holds it.

use pcap_parser::Linktype;

/// A packet, from its link layer on.
#[derive(Debug)]
pub(super) struct Packet<'a> {
    /// Nanoseconds since 1970; before it, if a file says so.
    pub(super) time: i128,
    pub(super) link: Linktype,
    /// Maximum number of bytes that the capture keeps of a packet; 0 if the file does not say.
    pub(super) snap_length: u32,
    /// Number of bytes that the packet had on the wire.
    pub(super) original: usize,
    pub(super) bytes: &'a [u8],
}
