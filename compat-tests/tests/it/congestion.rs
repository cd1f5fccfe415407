//! Callers that send requests and do not read (`docs/PROTOCOL.md` §1.11). Nest 11 and later stop
//! reading from them, and cut them off when too much waits for them; 7 to 10 have no limit.

use std::{io, net::SocketAddr};

use compat_tests::on_each_major;
use nest_wire::connection::TransportConfig;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use crate::edge::{Caller, frame, in_time, limits, nests, ours};

on_each_major!(
    a_caller_that_never_reads_is_cut_off_as_by,
    is_cut_off,
    nest_11 11,
    nest_12 12
);
on_each_major!(
    what_is_half_sent_counts_whole_and_in_units_in_nest_and_not_here,
    half_sent,
    nest_11 11,
    nest_12 12
);
on_each_major!(a_caller_that_reads_late_gets_everything_from, reads_late);

/// The limit in bytes.
const MAX_SEND_BUFFER_SIZE: usize = 1 << 20;

/// Returns a request and its reply, which are similar and at least this number of bytes long.
fn echo(id: usize, filling: &str, length: usize) -> (Vec<u8>, Vec<u8>) {
    let text = filling.repeat(length / filling.len());
    let request = format!(r#"{{"pattern":"echo","data":"{text}","id":"{id:06}"}}"#);
    let reply = format!(r#"{{"response":"{text}","isDisposed":true,"id":"{id:06}"}}"#);
    (frame(&request), frame(&reply))
}

/// Opens a connection whose caller's side buffers little, so that the service soon has to.
async fn connect(service: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(64 << 10).expect("an option of TCP");
    socket.set_send_buffer_size(64 << 10).expect("an option of TCP");
    socket.connect(service).await.expect("the service accepts")
}

/// The caller requests more at once than the system can buffer, so more than the limit remains.
async fn is_cut_off(major: u8) {
    let limit = MAX_SEND_BUFFER_SIZE.to_string();
    let nest = nests(major, &["--max-send-buffer-size", &limit]).await;
    let limited = TransportConfig::default().max_send_buffer_size(MAX_SEND_BUFFER_SIZE);
    let rust = ours(major, limited).await;
    let (request, reply) = echo(0, "求x", 8 << 20);
    tokio::join!(
        asks_until_cut_off(nest.address(), &request, &reply),
        asks_until_cut_off(rust, &request, &reply)
    );
    // Other callers are not affected.
    Caller::of(nest.address()).await.ping().await;
    Caller::of(rust).await.ping().await;
}

/// Sends requests repeatedly without reading.
async fn asks_until_cut_off(service: SocketAddr, request: &[u8], reply: &[u8]) {
    let mut stream = connect(service).await;
    let refused = in_time(async {
        loop {
            if let Err(error) = stream.write_all(request).await {
                return error;
            }
        }
    });
    let refused = refused.await;
    let is_cut = matches!(
        refused.kind(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
    );
    assert!(is_cut, "{refused}");
    let mut received = Vec::new();
    // Replies on the way may be lost with the connection.
    let _ = in_time(stream.read_to_end(&mut received)).await;
    assert!(received.len() < reply.len() && reply.starts_with(&received));
}

/// A reply a little larger than the limit. This crate does not count what the system takes of it at
/// once.
async fn half_sent(major: u8) {
    let (request, reply) = echo(0, "x", 8 << 20);
    let limit = reply.len() - (64 << 10);
    let flags = ["--max-send-buffer-size", &limit.to_string()];
    let nest = nests(major, &flags).await;
    let rust = ours(major, TransportConfig::default().max_send_buffer_size(limit)).await;

    asks_until_cut_off(nest.address(), &request, &reply).await;
    takes_it_all(rust, &request, &reply).await;

    // The same number of bytes in half as many UTF-16 units, which Nest counts.
    let (request, reply) = echo(0, "求x", 8 << 20);
    takes_it_all(nest.address(), &request, &reply).await;
    takes_it_all(rust, &request, &reply).await;
}

async fn takes_it_all(service: SocketAddr, request: &[u8], reply: &[u8]) {
    let mut caller = Caller::of(service).await;
    caller.send(request).await;
    let mut received = vec![0; reply.len()];
    in_time(caller.0.read_exact(&mut received)).await.expect("all of it");
    assert!(received == reply);
}

/// Number of bytes that exceeds what the system buffers for a service that has stopped reading.
const TOO_MUCH: usize = 20 << 20;

/// Number of replies to another caller after which a caller that cannot write counts as not being
/// read.
const TURNS: usize = 200;

async fn reads_late(major: u8) {
    let limit = MAX_SEND_BUFFER_SIZE.to_string();
    let nest = nests(major, &["--max-send-buffer-size", &limit]).await;
    let limited = TransportConfig::default().max_send_buffer_size(MAX_SEND_BUFFER_SIZE);
    let rust = ours(major, limits(major, limited)).await;
    let theirs = Late::converse(nest.address()).await;
    assert_eq!(
        theirs,
        if major < 11 {
            Reading::Everything
        } else {
            Reading::Paused
        }
    );
    // Our service does so for every major that it follows.
    assert_eq!(Late::converse(rust).await, Reading::Paused);
}

/// The behaviour of a service while its caller did not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    Paused,
    Everything,
}

/// A caller that sends requests as long as the service reads them, and only then reads.
struct Late {
    stream: TcpStream,
    /// Number of echoes requested; the last request may be incomplete.
    asked: usize,
    /// The rest of the last request.
    rest: Vec<u8>,
    /// Requests and replies, in turn.
    echoes: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Late {
    /// Length of a request in bytes.
    const LENGTH: usize = 128 << 10;

    async fn converse(service: SocketAddr) -> Reading {
        let mut late = Self {
            stream: connect(service).await,
            asked: 0,
            rest: Vec::new(),
            echoes: (0..7).map(|id| echo(id, "求x", Self::LENGTH)).collect(),
        };
        let mut other = Caller::of(service).await;
        let mut turns = 0;
        while turns < TURNS && late.asked * Self::LENGTH < TOO_MUCH {
            turns = if late.ask() { 0 } else { turns + 1 };
            other.ping().await;
        }
        late.read_everything().await;
        if turns == TURNS {
            Reading::Paused
        } else {
            Reading::Everything
        }
    }

    /// Writes what the system accepts. Returns whether it accepted anything.
    fn ask(&mut self) -> bool {
        if self.rest.is_empty() {
            self.rest.clone_from(&self.echoes[self.asked % self.echoes.len()].0);
            self.asked += 1;
        }
        match self.stream.try_write(&self.rest) {
            Ok(written) => {
                self.rest.drain(..written);
                written > 0
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => false,
            Err(error) => panic!("the link is open: {error}"),
        }
    }

    async fn read_everything(mut self) {
        let (mut reader, mut writer) = self.stream.split();
        let asking = async { writer.write_all(&self.rest).await.expect("the link is open") };
        let reading = async {
            let mut received = Vec::new();
            for (_, reply) in self.echoes.iter().cycle().take(self.asked) {
                received.resize(reply.len(), 0);
                reader.read_exact(&mut received).await.expect("the link is open");
                assert!(
                    received == *reply,
                    "not {}",
                    String::from_utf8_lossy(&reply[reply.len() - 40..])
                );
            }
        };
        in_time(async { tokio::join!(asking, reading) }).await;
    }
}
