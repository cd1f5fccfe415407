//! Captures of network traffic, pcap and pcapng, as tcpdump and Wireshark write them: what each
//! side of each TCP connection sent, in order.
//!
//! ```text
//!   Source ──► Pcap, Pcapng ──► Link, IP, Segment ──► Connections, Stream ──► Captured
//!  (blocks)     (packets)      (one TCP segment)      (bytes in order)
//! ```
//!
//! The file is read once, from front to back, so a pipe will do. Memory is bounded (`connections`).
//! Nothing here knows of Nest.

mod connection;
mod connections;
mod dissection;
pub(crate) mod error;
pub(crate) mod event;
mod fragments;
mod link;
mod packet;
mod pcap;
mod pcapng;
#[cfg(test)]
mod random;
mod segment;
mod source;
mod stream;
#[cfg(test)]
mod written;

use std::{collections::VecDeque, io::Read};

use dissection::Dissection;
use error::CaptureError;
use event::{Captured, Traffic};
use pcap::Pcap;
use pcapng::Pcapng;
use source::Source;

/// Number of bytes at the beginning of a file that say what it is.
const MAGIC_BYTES: usize = 4;

/// A capture, from a file or a pipe: an iterator of what it shows, in the order of its packets.
///
/// The last item is the summary. An error is not the last item: what the packets before it show
/// follows, with the summary.
pub(crate) struct Capture<R> {
    source: Source<R>,
    format: Format,
    dissection: Dissection,
    /// Items that are due.
    ready: VecDeque<Traffic>,
    stage: Stage,
}

enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

#[derive(Clone, Copy)]
enum Stage {
    Packets,
    Summary,
    Done,
}

impl<R: Read> Capture<R> {
    /// Opens a capture. If `port` is given, only connections from and to that port are followed,
    /// and the side that has it is the service where no handshake says so.
    ///
    /// # Errors
    ///
    /// The first bytes are not those of a capture, the file ends in its header, the link type is
    /// not known, or the source failed.
    pub(crate) fn open(reader: R, port: Option<u16>) -> Result<Self, CaptureError> {
        let mut source = Source::new(reader);
        Ok(Self {
            format: Format::open(&mut source)?,
            source,
            dissection: Dissection::new(port),
            ready: VecDeque::new(),
            stage: Stage::Packets,
        })
    }

    /// Reads a packet. Returns false at the end of the file.
    fn read(&mut self) -> Result<bool, CaptureError> {
        let packet = match &mut self.format {
            Format::Pcap(pcap) => pcap.packet(&mut self.source)?,
            Format::Pcapng(pcapng) => pcapng.packet(&mut self.source)?,
        };
        let Some(packet) = packet else {
            return Ok(false);
        };
        self.dissection.packet(&packet, &mut self.ready);
        Ok(true)
    }
}

/// Returns true if a file that begins with these four bytes is a capture.
pub(crate) fn is_capture(magic: &[u8]) -> bool {
    Pcap::is_magic(magic) || Pcapng::is_magic(magic)
}

impl Format {
    fn open<R: Read>(source: &mut Source<R>) -> Result<Self, CaptureError> {
        if !source.begin()? {
            return Err(CaptureError::NotACapture);
        }
        let magic = match source.read_to(MAGIC_BYTES) {
            Err(CaptureError::Truncated { .. }) => source.block(),
            magic => magic?,
        };
        match magic {
            magic if Pcap::is_magic(magic) => Pcap::open(source).map(Self::Pcap),
            magic if Pcapng::is_magic(magic) => Pcapng::open(source).map(Self::Pcapng),
            [0x1F, 0x8B, ..] => Err(CaptureError::Compressed { tool: "zcat" }),
            [0x28, 0xB5, 0x2F, 0xFD] => Err(CaptureError::Compressed { tool: "zstdcat" }),
            [0xFD, b'7', b'z', b'X'] => Err(CaptureError::Compressed { tool: "xzcat" }),
            _ => Err(CaptureError::NotACapture),
        }
    }
}

impl<R: Read> Iterator for Capture<R> {
    type Item = Result<Captured, CaptureError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(traffic) = self.ready.pop_front() {
                return Some(Ok(Captured::Traffic(traffic)));
            }
            match self.stage {
                Stage::Packets => {
                    let read = self.read();
                    if !matches!(read, Ok(true)) {
                        self.dissection.finish(&mut self.ready);
                        self.stage = Stage::Summary;
                    }
                    if let Err(error) = read {
                        return Some(Err(error));
                    }
                }
                Stage::Summary => {
                    self.stage = Stage::Done;
                    let summary = self.dissection.summary();
                    return Some(summary.map(|summary| Captured::Summary(Box::new(summary))));
                }
                Stage::Done => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        written::{Ng, Old, caller, seen, seen_of_port, service, try_seen},
        *,
    };

    /// A connection from its handshake to its end.
    fn conversation() -> Vec<written::Tcp> {
        vec![
            caller(100).syn(),
            service(900).ack(101).syn(),
            caller(101).ack(901),
            caller(101).ack(901).data(b"hello"),
            service(901).ack(106).data(b"hi"),
            caller(106).ack(903).fin(),
            service(903).ack(107).fin(),
            caller(107).ack(904),
        ]
    }

    const CONVERSATION: [&str; 5] = [
        "1 opened 10.0.0.1:40000 -> 10.0.0.2:3000 Handshake",
        "1 caller hello",
        "1 service hi",
        "1 caller ended",
        "1 service ended",
    ];

    #[test]
    fn a_connection_is_shown_from_its_handshake_to_its_end() {
        assert_eq!(seen(&Old::of(&conversation()).bytes()), CONVERSATION);
    }

    #[test]
    fn both_byte_orders_and_both_units_of_time_are_read() {
        for is_big_endian in [false, true] {
            for is_nanoseconds in [false, true] {
                let mut file = Old::new(1, is_big_endian, is_nanoseconds);
                for (packet, milliseconds) in conversation().iter().zip(0_u64..) {
                    file.packet(milliseconds * 1_000_000, &packet.ethernet());
                }
                let items: Vec<_> = Capture::open(&file.bytes()[..], None)
                    .expect("it is a capture")
                    .map(|item| item.expect("it is whole"))
                    .collect();
                let times = items.iter().filter_map(|item| match item {
                    Captured::Traffic(traffic) => Some(traffic.at.as_micros()),
                    Captured::Summary(_) => None,
                });
                assert_eq!(times.collect::<Vec<_>>(), [0, 3000, 4000, 5000, 6000]);
            }
        }
    }

    #[test]
    fn a_packet_with_an_earlier_time_than_the_first_has_the_firsts() {
        let mut file = Old::new(1, false, false);
        file.packet(2_000_000_000, &caller(1).data(b"a").ethernet());
        file.packet(1_000_000_000, &caller(2).data(b"b").ethernet());
        let file = file.bytes();
        let mut traffic = Capture::open(&file[..], None).expect("it is a capture");
        let is_at_once = |item| match item {
            Ok(Captured::Traffic(traffic)) => traffic.at.is_zero(),
            _ => true,
        };
        assert!(traffic.all(is_at_once));
    }

    #[test]
    fn the_summary_counts_what_was_not_followed() {
        let mut file = Old::of(&conversation());
        file.packet(0, b"not an Ethernet frame at all");
        file.packet(0, &[]);
        let last = Capture::open(&file.bytes()[..], Some(9))
            .expect("it is a capture")
            .last();
        let Some(Ok(Captured::Summary(summary))) = last else {
            panic!("the last item is the summary: {last:?}");
        };
        assert_eq!((summary.packets, summary.segments, summary.unknown), (10, 8, 2));
        assert_eq!(summary.ports.into_iter().collect::<Vec<_>>(), [3000]);
    }

    #[test]
    fn only_connections_of_the_port_are_followed() {
        let mut packets = conversation();
        packets.insert(3, caller(1).between(50_000, 5432).data(b"select"));
        let file = Old::of(&packets).bytes();
        assert_eq!(seen_of_port(&file, Some(3000)), CONVERSATION);
        assert_eq!(
            seen_of_port(&file, Some(5432)),
            ["1 opened 10.0.0.1:50000 -> 10.0.0.2:5432 Middle", "1 caller select"]
        );
        assert!(seen_of_port(&file, Some(80)).is_empty());
    }

    #[test]
    fn in_the_middle_the_lower_port_is_the_service_unless_the_user_says_another() {
        let file = Old::of(&[service(7).data(b"42#{"), caller(9).data(b"10#[")]).bytes();
        assert_eq!(
            seen(&file),
            [
                "1 opened 10.0.0.1:40000 -> 10.0.0.2:3000 Middle",
                "1 service 42#{",
                "1 caller 10#["
            ]
        );
        assert_eq!(
            seen_of_port(&file, Some(40_000)),
            [
                "1 opened 10.0.0.2:3000 -> 10.0.0.1:40000 Middle",
                "1 caller 42#{",
                "1 service 10#["
            ]
        );
    }

    #[test]
    fn what_was_cut_off_by_the_snap_length_is_counted() {
        let mut file = Old::new(1, false, false);
        file.snapped(0, &caller(1).data(b"0123456789").ethernet(), 54 + 4);
        file.packet(0, &caller(11).data(b"next").ethernet());
        assert_eq!(
            seen(&file.bytes()),
            [
                "1 opened 10.0.0.1:40000 -> 10.0.0.2:3000 Middle",
                "1 caller 0123",
                "1 caller cut 6 by 262144",
                "1 caller next"
            ]
        );
    }

    #[test]
    fn a_file_that_ends_inside_a_packet_shows_the_packets_before_and_where_the_rest_began() {
        let whole = Old::of(&conversation()).bytes();
        let last = whole.len() - 16 - 54;
        for end in last + 1..whole.len() {
            let items: Vec<_> = Capture::open(&whole[..end], None).expect("it is a capture").collect();
            let at = items.iter().position(Result::is_err).expect("it is not whole");
            let error = items[at].as_ref().expect_err("it is an error");
            assert!(error.is_truncated());
            assert_eq!(
                error.to_string(),
                format!("it ends inside a packet, which begins at byte {last}")
            );
            assert_eq!(written::lines(&items), CONVERSATION);
        }
    }

    #[test]
    fn what_is_no_capture_is_refused() {
        let error = |bytes: &[u8]| match Capture::open(bytes, None) {
            Err(error) => error.to_string(),
            Ok(_) => panic!("{bytes:?} is a capture"),
        };
        assert_eq!(error(b""), "it is no capture");
        assert_eq!(error(b"\xA1"), "it is no capture");
        assert_eq!(error(b"{\"nest-wire recording\":1}"), "it is no capture");
        assert_eq!(error(b"\x1F\x8B\x08\x00"), "it is compressed");
        assert_eq!(error(b"\x28\xB5\x2F\xFD\x00"), "it is compressed");
        assert_eq!(
            error(&Old::new(147, false, false).bytes()),
            "link type 147 is not known"
        );
        assert_eq!(
            error(&Old::new(1, false, false).bytes()[..23]),
            "it ends inside a packet, which begins at byte 0"
        );
    }

    #[test]
    fn a_failing_source_is_an_error_and_not_an_end() {
        struct Failing;
        impl Read for Failing {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                Err(std::io::Error::other("unplugged"))
            }
        }
        let file = Old::of(&conversation()).bytes();
        let items: Vec<_> = Capture::open(file.chain(Failing), None)
            .expect("it is a capture")
            .collect();
        let errors: Vec<_> = items
            .iter()
            .filter_map(|item| item.as_ref().err())
            .map(ToString::to_string)
            .collect();
        assert_eq!(errors, ["unplugged"]);
        assert_eq!(written::lines(&items), CONVERSATION);
    }

    #[test]
    fn a_pipe_that_gives_a_byte_at_a_time_is_read() {
        struct Dripping<'a>(&'a [u8]);
        impl Read for Dripping<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                let length = buffer.len().min(1);
                self.0.read(&mut buffer[..length])
            }
        }
        for file in [Old::of(&conversation()).bytes(), Ng::of(&conversation()).bytes()] {
            let items: Vec<_> = Capture::open(Dripping(&file), None).expect("it is a capture").collect();
            assert_eq!(written::lines(&items), CONVERSATION);
        }
    }

    #[test]
    fn no_file_that_is_cut_or_changed_anywhere_makes_it_panic() {
        for file in [Old::of(&conversation()).bytes(), Ng::of(&conversation()).bytes()] {
            for index in 0..file.len() {
                let _ = try_seen(&file[..index]);
                for flipped in [0x01, 0x80, 0xFF] {
                    let mut changed = file.clone();
                    changed[index] ^= flipped;
                    let _ = try_seen(&changed);
                }
            }
        }
    }
}
