//! Plays a case to a service and collects the bytes that come back.

use std::{io, net::SocketAddr};

use bytes::BytesMut;
use nest_wire::{Compat, codec::FrameDecoder, packet::IncomingReply};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{Case, Order, PATIENCE, Step};

/// The last request of a case that leaves the connection open. Its reply shows that the service has
/// read everything before it.
const FENCE: &[u8] = br#"44#{"pattern":"ping","data":0,"id":"the fence"}"#;
const FENCED: &str = r#"{"response":"pong","isDisposed":true,"id":"the fence"}"#;

/// The bytes that came back on one connection, until the service closed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The text of each frame, with its header.
    frames: Vec<String>,
    /// Whether the fence was answered. Its position is an accident: it may share a segment with
    /// what was sent before it.
    fence: bool,
    /// Bytes that are not a frame.
    rest: Vec<u8>,
    /// Whether the connection was reset instead of closed.
    reset: bool,
}

/// Plays `case` to the service at `address`.
///
/// # Panics
/// Panics with the received bytes if the service does not accept the connection, or does not answer
/// in time.
pub async fn play(case: &Case, address: SocketAddr) -> Heard {
    let mut socket = Socket::connect(address).await;
    for step in &case.steps {
        match step {
            Step::Send(bytes) => socket.send(bytes).await,
            Step::Frames(count) => socket.read_until(case, |heard| heard.frames.len() >= *count).await,
            Step::End => socket.end().await,
        }
    }
    if !case.is_closed_by_caller() && !socket.has_ended {
        socket.send(FENCE).await;
        socket.read_until(case, |heard| heard.fence).await;
        socket.end().await;
    }
    socket.read_until(case, |_| false).await;
    socket.heard
}

struct Socket {
    stream: TcpStream,
    decoder: FrameDecoder,
    received: BytesMut,
    heard: Heard,
    has_ended: bool,
}

impl Socket {
    async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("the service accepts");
        stream.set_nodelay(true).expect("an option of TCP");
        Self {
            stream,
            decoder: FrameDecoder::default(),
            received: BytesMut::new(),
            heard: Heard {
                frames: Vec::new(),
                fence: false,
                rest: Vec::new(),
                reset: false,
            },
            has_ended: false,
        }
    }

    /// Sends bytes. A service that has closed may reject them; reading then shows the end.
    async fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    async fn end(&mut self) {
        let _ = self.stream.shutdown().await;
    }

    /// Reads until `enough` returns true or the service closes.
    async fn read_until(&mut self, case: &Case, enough: impl Fn(&Heard) -> bool) {
        let reading = async {
            while !self.has_ended && !enough(&self.heard) {
                self.read().await;
            }
        };
        if timeout(PATIENCE, reading).await.is_err() {
            let heard = &self.heard;
            panic!("{}: nothing more came within {PATIENCE:?} after {heard:#?}", case.name);
        }
    }

    async fn read(&mut self) {
        match self.stream.read_buf(&mut self.received).await {
            Ok(0) => self.has_ended = true,
            Ok(_) => {}
            Err(error) if is_reset(&error) => (self.has_ended, self.heard.reset) = (true, true),
            Err(error) => panic!("cannot read: {error}"),
        }
        while let Some(text) = self
            .decoder
            .decode(&mut self.received)
            .expect("the service frames well")
        {
            if text == FENCED {
                self.heard.fence = true;
                continue;
            }
            let length = text.encode_utf16().count();
            self.heard.frames.push(format!("{length}#{text}"));
        }
        if self.has_ended {
            self.heard.rest = self.received.to_vec();
        }
    }
}

fn is_reset(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
}

impl Heard {
    /// Returns whether `other` is an equal reply to a case of this order.
    #[must_use]
    pub fn is_like(&self, other: &Self, order: Order) -> bool {
        match order {
            Order::Exact => self == other,
            Order::PerId => self.clone().by_id() == other.clone().by_id(),
        }
    }

    /// Returns the number of received packets.
    #[must_use]
    pub fn count(&self) -> usize {
        self.frames.len()
    }

    /// Returns whether the connection was still served after the last step of the case.
    #[must_use]
    pub fn was_open_to_the_end(&self) -> bool {
        self.fence
    }

    fn by_id(mut self) -> Self {
        self.frames.sort_by_cached_key(|frame| id(frame));
        self
    }
}

/// Returns the id of a reply, as JSON text.
fn id(frame: &str) -> String {
    let (_, text) = frame.split_once('#').expect("a frame");
    let packet = IncomingReply::read(&text.to_owned().into(), Compat::default()).expect("the service sends JSON");
    packet.id.map(|id| id.to_string()).unwrap_or_default()
}
