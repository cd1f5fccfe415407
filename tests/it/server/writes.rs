//! The number of writes for the replies of a service.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use nest_wire::{
    connection::TransportConfig,
    packet::RawJson,
    server::{Router, serve_connection},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

use crate::support::frame;

/// A socket that records its writes.
struct Noted {
    socket: TcpStream,
    writes: mpsc::UnboundedSender<String>,
}

impl AsyncRead for Noted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Noted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(cx, bytes);
        if let Poll::Ready(Ok(count)) = written {
            let text = String::from_utf8(bytes[..count].to_vec()).expect("whole characters");
            self.writes.send(text).expect("the test goes on");
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

/// Sends three requests in one segment. Returns the writes of the replies, and the bytes that the
/// peer read.
async fn writes(config: TransportConfig) -> (Vec<String>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let mut peer = TcpStream::connect(listener.local_addr().expect("bound"))
        .await
        .expect("it listens");
    let (socket, _) = listener.accept().await.expect("a peer");
    let requests: String = (0..3)
        .map(|id| frame(&format!(r#"{{"pattern":"echo","data":"求","id":{id}}}"#)))
        .collect();
    peer.write_all(requests.as_bytes()).await.expect("it is open");
    peer.shutdown().await.expect("it is open");
    let (notes, mut noted) = mpsc::unbounded_channel();
    let io = Noted { socket, writes: notes };
    let router = Router::new().message("echo", async |data: RawJson| data);
    serve_connection(io, router.into_routes())
        .transport(config)
        .await
        .expect("served");
    let mut read = String::new();
    peer.read_to_string(&mut read).await.expect("text");
    let writes = std::iter::from_fn(|| noted.try_recv().ok()).collect();
    (writes, read)
}

fn replies() -> Vec<String> {
    (0..3)
        .map(|id| frame(&format!(r#"{{"response":"求","isDisposed":true,"id":{id}}}"#)))
        .collect()
}

#[tokio::test]
async fn the_replies_to_one_segment_leave_in_one_write() {
    let (writes, read) = writes(TransportConfig::default()).await;
    assert_eq!(writes, [replies().concat()]);
    assert_eq!(read, replies().concat());
}

#[tokio::test]
async fn the_replies_to_one_segment_leave_in_a_write_each_if_that_is_asked_for() {
    let (writes, read) = writes(TransportConfig::default().separate_writes(true)).await;
    assert_eq!(writes, replies());
    assert_eq!(read, replies().concat());
}
