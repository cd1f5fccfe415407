//! A connection to the service under test.

use std::{cell::RefCell, collections::VecDeque, io, rc::Rc};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split},
    sync::Notify,
    task::JoinHandle,
};

use crate::{
    dial::stream::Stream,
    traffic::frames::{Frames, Piece},
};

/// Maximum number of packets that wait to be looked at. Beyond that the connection is not read: a
/// service that floods is slowed down.
const MAX_WAITING: usize = 1024;

/// A connection and the packets that came over it.
pub(super) struct Live {
    writer: WriteHalf<Stream>,
    inbox: Rc<Inbox>,
    reader: JoinHandle<()>,
}

/// What came and was not looked at yet.
#[derive(Default)]
struct Inbox {
    state: RefCell<State>,
    /// Wakes the one who waits for a packet.
    came: Notify,
    /// Wakes the reader.
    taken: Notify,
}

#[derive(Default)]
struct State {
    packets: VecDeque<Came>,
    /// Why nothing more will come.
    ended: Option<String>,
}

/// Something that came from the service.
pub(super) enum Came {
    Packet(String),
    /// Bytes that are not a packet, explained.
    Broken(String),
}

impl Live {
    pub(super) fn new(stream: Stream) -> Self {
        let (reader, writer) = split(stream);
        let inbox = Rc::new(Inbox::default());
        let reader = tokio::task::spawn_local(read(reader, Rc::clone(&inbox)));
        Self { writer, inbox, reader }
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer.write_all(bytes).await?;
        self.writer.flush().await
    }

    /// Closes this side.
    pub(super) async fn close(&mut self) {
        // A connection that is gone is closed.
        let _ = self.writer.shutdown().await;
    }

    /// Returns the next thing that has come already.
    pub(super) fn take(&self) -> Option<Came> {
        let came = self.inbox.state.borrow_mut().packets.pop_front();
        self.inbox.taken.notify_one();
        came
    }

    /// Returns why the connection has ended, once everything that came before was taken.
    pub(super) fn ended(&self) -> Option<String> {
        let state = self.inbox.state.borrow();
        state.ended.clone().filter(|_| state.packets.is_empty())
    }

    /// Waits until something can be taken or the connection has ended.
    pub(super) async fn wait(&self) {
        loop {
            let came = self.inbox.came.notified();
            {
                let state = self.inbox.state.borrow();
                if !state.packets.is_empty() || state.ended.is_some() {
                    return;
                }
            }
            came.await;
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

async fn read(mut reader: ReadHalf<Stream>, inbox: Rc<Inbox>) {
    let mut frames = Frames::default();
    let mut buffer = vec![0; 64 * 1024];
    let why = loop {
        match reader.read(&mut buffer).await {
            Ok(0) => break "closed by the service".to_owned(),
            Ok(length) => frames.push(&buffer[..length]),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => break "reset by the service".to_owned(),
            Err(error) => break error.to_string(),
        }
        while let Some(piece) = frames.next() {
            let came = match piece {
                Piece::Frame(frame) => Came::Packet(frame.text),
                Piece::Broken { frame, why } => Came::Broken(why.words(&frame.header, frame.units).to_string()),
                Piece::Skipped(_) => continue,
            };
            inbox.state.borrow_mut().packets.push_back(came);
            inbox.came.notify_one();
            while inbox.state.borrow().packets.len() >= MAX_WAITING {
                inbox.taken.notified().await;
            }
        }
    };
    inbox.state.borrow_mut().ended = Some(why);
    inbox.came.notify_one();
}
