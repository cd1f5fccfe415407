//! Passes bytes between two streams, in both directions, and reports each piece.

use std::{
    future::{Future, pending, poll_fn},
    io,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::io::poll_read_buf;

use super::event::{Content, Side};

/// Number of bytes read at once, at most. Small pieces share one allocation of this size.
const READ: usize = 64 * 1024;
/// Number of free bytes below which a new allocation is made for the next piece.
const LEAST_READ: usize = 8 * 1024;

/// Passes bytes from each of two streams to the other, unchanged and as soon as they come, until
/// both directions have ended. Calls `see` with each piece, each end and a reset, before they are
/// passed on.
///
/// The end of one direction is passed on and leaves the other open. The streams are borrowed, so
/// that their owner can pass a reset on (`set_zero_linger`, for a socket) before it drops them.
///
/// # Errors
/// A stream failed; [`RelayError::side`] is the side that it belongs to. A reset has been reported
/// to `see`.
pub async fn relay<C, S>(caller: &mut C, service: &mut S, see: impl FnMut(Side, Content)) -> Result<(), RelayError>
where
    C: AsyncRead + AsyncWrite + Unpin,
    S: AsyncRead + AsyncWrite + Unpin,
{
    relay_until(caller, service, see, pending()).await
}

/// Does what [`relay`] does until `stop` is ready. Then nothing more is read, and what has been
/// read is passed on. The streams stay open, except for directions whose end has been passed on.
///
/// ```
/// use std::future::ready;
/// use nest_wire::recording::relay_until;
/// use tokio::io::AsyncWriteExt;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (mut caller, _far_caller) = tokio::io::duplex(64);
/// let (mut service, _far_service) = tokio::io::duplex(64);
/// relay_until(&mut caller, &mut service, |_, _| {}, ready(())).await?;
/// caller.write_all(b"goodbye").await?; // both streams are still open
/// # Ok(()) }
/// ```
///
/// # Errors
/// Those of [`relay`].
pub async fn relay_until<C, S>(
    caller: &mut C,
    service: &mut S,
    mut see: impl FnMut(Side, Content),
    stop: impl Future<Output = ()>,
) -> Result<(), RelayError>
where
    C: AsyncRead + AsyncWrite + Unpin,
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut there, mut back) = (Direction::default(), Direction::default());
    let mut stop = pin!(stop);
    let mut is_stopped = false;
    poll_fn(|context| {
        if !is_stopped && stop.as_mut().poll(context).is_ready() {
            is_stopped = true;
            there.is_last = true;
            back.is_last = true;
        }
        let requests = there.poll(context, &mut *caller, &mut *service, |content| {
            see(Side::Caller, content);
        });
        let requests = requests.map_err(|fault| fault.between(Side::Caller, Side::Service));
        let replies = back.poll(context, &mut *service, &mut *caller, |content| {
            see(Side::Service, content);
        });
        let replies = replies.map_err(|fault| fault.between(Side::Service, Side::Caller));
        match (requests?, replies?) {
            (Poll::Ready(()), Poll::Ready(())) => Poll::Ready(Ok(())),
            _ => Poll::Pending,
        }
    })
    .await
    .inspect_err(|error: &RelayError| {
        if error.is_reset() {
            see(error.side, Content::Reset);
        }
    })
}

/// A stream failed while bytes were passed on.
#[derive(Debug, thiserror::Error)]
#[error("the connection of the {side} failed")]
#[non_exhaustive]
pub struct RelayError {
    /// The side whose stream failed.
    pub side: Side,
    /// The failure.
    #[source]
    pub source: io::Error,
}

impl RelayError {
    /// Returns true if the side aborted the connection.
    #[must_use]
    pub fn is_reset(&self) -> bool {
        matches!(
            self.source.kind(),
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted
        )
    }
}

/// A failure of the stream that was read or of the one that was written.
enum Fault {
    Read(io::Error),
    Write(io::Error),
}

impl Fault {
    fn between(self, reader: Side, writer: Side) -> RelayError {
        let (side, source) = match self {
            Self::Read(error) => (reader, error),
            Self::Write(error) => (writer, error),
        };
        RelayError { side, source }
    }
}

/// One of the two directions.
///
/// ```text
///             bytes are read                   all are written
///   Reading ──────────────────► Writing(bytes) ────────────────► Reading
///      │ the end is read
///      ▼           it is passed on
///   Ending ───────────────────► Ended
/// ```
#[derive(Default)]
struct Direction {
    state: State,
    buffer: BytesMut,
    /// True if nothing more is read.
    is_last: bool,
}

#[derive(Default)]
enum State {
    #[default]
    Reading,
    Writing(Bytes),
    Ending,
    Ended,
}

impl Direction {
    fn poll<R, W>(
        &mut self,
        context: &mut Context<'_>,
        from: &mut R,
        to: &mut W,
        mut see: impl FnMut(Content),
    ) -> Result<Poll<()>, Fault>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        loop {
            let step = match &mut self.state {
                State::Reading if self.is_last => Poll::Ready(Ok(State::Ended)),
                State::Reading => self.poll_read(context, from, &mut see).map_err(Fault::Read),
                State::Writing(bytes) => poll_write_all(context, to, bytes).map_err(Fault::Write),
                State::Ending => Pin::new(&mut *to)
                    .poll_shutdown(context)
                    .map_ok(|()| State::Ended)
                    .map_err(Fault::Write),
                State::Ended => return Ok(Poll::Ready(())),
            };
            match step {
                Poll::Ready(next) => self.state = next?,
                Poll::Pending => return Ok(Poll::Pending),
            }
        }
    }

    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        from: &mut (impl AsyncRead + Unpin),
        see: &mut impl FnMut(Content),
    ) -> Poll<io::Result<State>> {
        if self.buffer.capacity() - self.buffer.len() < LEAST_READ {
            self.buffer.reserve(READ);
        }
        let read = ready!(poll_read_buf(Pin::new(from), context, &mut self.buffer))?;
        Poll::Ready(Ok(if read == 0 {
            see(Content::End);
            State::Ending
        } else {
            let bytes = self.buffer.split().freeze();
            see(Content::Segment(bytes.clone()));
            State::Writing(bytes)
        }))
    }
}

/// Writes and flushes: a TLS stream keeps what is not flushed.
fn poll_write_all(
    context: &mut Context<'_>,
    to: &mut (impl AsyncWrite + Unpin),
    bytes: &mut Bytes,
) -> Poll<io::Result<State>> {
    while bytes.has_remaining() {
        let written = ready!(Pin::new(&mut *to).poll_write(context, bytes))?;
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        bytes.advance(written);
    }
    ready!(Pin::new(to).poll_flush(context))?;
    Poll::Ready(Ok(State::Reading))
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, duplex},
        net::{TcpListener, TcpStream},
    };

    use super::*;

    /// Both ends of a connection.
    async fn connection() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (ours, theirs) = tokio::join!(TcpStream::connect(address), listener.accept());
        (ours.expect("connected"), theirs.expect("accepted").0)
    }

    #[tokio::test]
    async fn bytes_pass_both_ways_and_the_end_of_one_direction_leaves_the_other_open() {
        let (mut caller, mut near) = duplex(3);
        let (mut far, mut service) = duplex(3);
        let mut seen = Vec::new();
        let parties = async move {
            caller.write_all(b"question").await.expect("written");
            caller.shutdown().await.expect("closed");
            let mut reply = String::new();
            caller.read_to_string(&mut reply).await.expect("a reply");
            reply
        };
        let answering = async move {
            let mut question = String::new();
            service.read_to_string(&mut question).await.expect("a question");
            service
                .write_all(question.to_uppercase().as_bytes())
                .await
                .expect("written");
        };
        let relayed = relay(&mut near, &mut far, |side, content| seen.push((side, content)));
        let (reply, (), relayed) = tokio::join!(parties, answering, relayed);
        relayed.expect("both sides ended");
        assert_eq!(reply, "QUESTION");
        let bytes_of = |from: Side| -> Vec<u8> {
            let segments = seen.iter().filter_map(|(side, content)| match content {
                Content::Segment(bytes) if *side == from => Some(bytes.to_vec()),
                _ => None,
            });
            segments.flatten().collect()
        };
        assert_eq!(bytes_of(Side::Caller), b"question");
        assert_eq!(bytes_of(Side::Service), b"QUESTION");
        let ends: Vec<Side> = seen
            .iter()
            .filter(|seen| seen.1 == Content::End)
            .map(|seen| seen.0)
            .collect();
        assert_eq!(ends, [Side::Caller, Side::Service]);
    }

    #[tokio::test]
    async fn a_relay_that_is_stopped_passes_on_what_it_has_read_and_leaves_the_streams_open() {
        let (mut caller, mut near) = duplex(3);
        let (mut far, mut service) = duplex(3);
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let relayed = tokio::spawn(async move {
            let stop = async move { drop(stopped.await) };
            let relayed = relay_until(&mut near, &mut far, |_, _| {}, stop).await;
            far.write_all(b"!").await.expect("it is open");
            relayed
        });
        // Three bytes fit into the way to the relay, three into that behind it.
        caller.write_all(b"abcdefghi").await.expect("the relay reads");
        drop(stop);
        let mut read = String::new();
        service.read_to_string(&mut read).await.expect("an end");
        // Three were written, and three had been read.
        assert_eq!(read, "abcdef!");
        relayed.await.expect("no panic").expect("it was asked to end");
    }

    #[tokio::test]
    async fn a_reset_ends_both_directions_and_names_its_side() {
        let (caller, mut near) = connection().await;
        let (mut far, _service) = connection().await;
        caller.set_zero_linger().expect("a socket");
        drop(caller);
        let mut seen = Vec::new();
        let relayed = relay(&mut near, &mut far, |side, content| seen.push((side, content))).await;
        let error = relayed.expect_err("a reset");
        assert_eq!((error.side, error.is_reset()), (Side::Caller, true));
        assert_eq!(seen, [(Side::Caller, Content::Reset)]);
    }
}
