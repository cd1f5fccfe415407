//! One connection of the client, from the packet it was opened for to its end.

use std::{
    collections::VecDeque,
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{mpsc, oneshot},
};

use super::{CallError, Disconnected, command::Command, pending::Pending};
use crate::{
    compat::Compat,
    connection::{Connection, ConnectionError, Segment},
    packet::{ReplyPacket, write_event, write_request},
};

pub(super) struct Link<'a, IO> {
    connection: Connection<IO>,
    compat: Compat,
    commands: &'a mut mpsc::Receiver<Command>,
    pending: &'a Pending,
    /// Events that are written but not wholly sent, in that order.
    unsent: VecDeque<Unsent>,
    /// How many bytes have been sent so far.
    sent: u64,
    handles_are_gone: bool,
}

struct Unsent {
    /// How many bytes will have been sent when this event is.
    end: u64,
    tell: oneshot::Sender<Result<(), CallError>>,
}

impl<'a, IO: AsyncRead + AsyncWrite + Unpin> Link<'a, IO> {
    pub(super) fn new(
        connection: Connection<IO>,
        compat: Compat,
        commands: &'a mut mpsc::Receiver<Command>,
        pending: &'a Pending,
    ) -> Self {
        Self {
            connection,
            compat,
            commands,
            pending,
            unsent: VecDeque::new(),
            sent: 0,
            handles_are_gone: false,
        }
    }

    /// Carries `first` and all that follows until the link ends, and tells everybody who still waits why.
    pub(super) async fn run(mut self, first: Command) {
        self.write(first);
        let Err(reason) = poll_fn(|cx| self.poll(cx)).await else {
            return;
        };
        tracing::debug!(error = &reason as &dyn std::error::Error, "disconnected");
        let error = CallError::ConnectionClosed(reason);
        for unsent in self.unsent {
            let _ = unsent.tell.send(Err(error.clone()));
        }
        self.pending.fail_all(&error);
    }

    /// Ready with `Ok` when nobody needs the link any more.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Disconnected>> {
        loop {
            // All of them, each time: every one registers its own wake-up. Replies first: should the link have ended, the
            // commands stay where they are, for the next link.
            let moved = self.poll_replies(cx)? | self.poll_commands(cx) | self.poll_write(cx)?;
            if self.handles_are_gone && self.pending.is_empty() && self.connection.queued() == 0 {
                return self.connection.poll_shutdown(cx).map_err(failed);
            }
            if !moved {
                return Poll::Pending;
            }
        }
    }

    /// Takes what the handles want sent, as long as the service keeps up: callers wait otherwise.
    fn poll_commands(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moved = false;
        while !self.handles_are_gone && !self.connection.is_congested() {
            match self.commands.poll_recv(cx) {
                Poll::Pending => break,
                Poll::Ready(Some(command)) => self.write(command),
                Poll::Ready(None) => self.handles_are_gone = true,
            }
            moved = true;
        }
        moved
    }

    fn poll_replies(&mut self, cx: &mut Context<'_>) -> Result<bool, Disconnected> {
        match self.connection.poll_segment(cx) {
            Poll::Pending => Ok(false),
            Poll::Ready(Ok(Segment::Received)) => {
                let read = |text: &_| ReplyPacket::read(text, self.compat);
                while let Some(reply) = self.connection.next_packet(read).map_err(failed)? {
                    self.pending.deliver(reply);
                }
                Ok(true)
            }
            Poll::Ready(Ok(Segment::End)) => Err(Disconnected::ByPeer),
            Poll::Ready(Ok(Segment::EndInsideFrame)) => Err(Disconnected::InsideFrame),
            Poll::Ready(Err(error)) => Err(failed(error)),
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<bool, Disconnected> {
        let was_congested = self.connection.is_congested();
        let queued = self.connection.queued();
        let flushed = self.connection.poll_flush(cx);
        self.sent += (queued - self.connection.queued()) as u64;
        let out = self.unsent.iter().take_while(|unsent| unsent.end <= self.sent).count();
        for unsent in self.unsent.drain(..out) {
            let _ = unsent.tell.send(Ok(()));
        }
        match flushed {
            Poll::Ready(Err(error)) => Err(failed(error)),
            _ => Ok(was_congested && !self.connection.is_congested()),
        }
    }

    fn write(&mut self, command: Command) {
        match command {
            Command::Send {
                id,
                pattern,
                data,
                metadata,
                waiter,
            } => {
                if self.pending.enter(id, waiter) {
                    self.connection
                        .push(|out| write_request(out, &pattern, &data, metadata.as_ref(), id));
                }
            }
            Command::Emit {
                route,
                data,
                metadata,
                sent: tell,
            } => {
                self.connection
                    .push(|out| write_event(out, &route, &data, metadata.as_ref()));
                let end = self.sent + self.connection.queued() as u64;
                self.unsent.push_back(Unsent { end, tell });
            }
        }
    }
}

fn failed(error: ConnectionError) -> Disconnected {
    Disconnected::Failed(Arc::new(error))
}
