//! One connection. It keeps its requests in flight and checks the replies.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::{Exchange, LoadError, Segments, exchange::Ids};
use crate::frame::Frame;

/// Number of bytes of one read.
const READ: usize = 64 * 1024;
/// Maximum length of a header.
const LONGEST_HEADER: usize = 20;

/// The state that all connections of a load share.
#[derive(Debug)]
pub(super) struct Prepared {
    /// The request of each slot in flight, ready to be sent.
    asked: Vec<Vec<u8>>,
    answers: Vec<Frame>,
    /// One reply for each different header, which determines the length of a frame and the position
    /// of its id.
    shapes: Vec<Frame>,
    segments: Segments,
    ids: Ids,
}

impl Prepared {
    pub(super) fn new(exchange: &Exchange, in_flight: usize) -> Self {
        let mut shapes: Vec<Frame> = Vec::new();
        for answer in &exchange.answers {
            if !shapes.iter().any(|shape| shape.header() == answer.header()) {
                shapes.push(answer.clone());
            }
        }
        Self {
            asked: (0..in_flight).map(|number| exchange.asked.with_tail(number)).collect(),
            answers: exchange.answers.clone(),
            shapes,
            segments: exchange.segments,
            ids: exchange.ids,
        }
    }

    /// Returns the shape of the frame that `received` begins with, or `None` if more bytes are
    /// needed.
    fn shape(&self, received: &[u8]) -> Result<Option<&Frame>, LoadError> {
        let known = self.shapes.iter().find(|shape| received.starts_with(shape.header()));
        match known {
            None if received.len() >= LONGEST_HEADER => Err(LoadError::stray(received)),
            known => Ok(known),
        }
    }
}

/// A slot in flight.
#[derive(Debug, Clone)]
struct Slot {
    asked_at: Instant,
    /// Number of received replies; `None` while the slot is idle.
    answered: Option<usize>,
}

#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    prepared: Arc<Prepared>,
    slots: Vec<Slot>,
    in_flight: usize,
    /// Number of requests that may still be sent.
    quota: u64,
    deadline: Option<Instant>,
    /// Bytes to be sent, from `sent` on.
    out: Vec<u8>,
    sent: usize,
    next_write: Instant,
    /// `input[taken..filled]` has been read and not yet checked.
    input: Vec<u8>,
    taken: usize,
    filled: usize,
    /// In a canned conversation, the slot whose reply is next.
    turn: usize,
    latencies: Vec<u64>,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, prepared: Arc<Prepared>) -> Self {
        let idle = Slot {
            asked_at: Instant::now(),
            answered: None,
        };
        Self {
            stream,
            slots: vec![idle; prepared.asked.len()],
            prepared,
            in_flight: 0,
            quota: 0,
            deadline: None,
            out: Vec::new(),
            sent: 0,
            next_write: Instant::now(),
            input: vec![0; READ],
            taken: 0,
            filled: 0,
            turn: 0,
            latencies: Vec::new(),
        }
    }

    /// Fills all slots. The connection must be polled from then on.
    pub(super) fn begin(&mut self, quota: u64, deadline: Option<Instant>) {
        (self.quota, self.deadline, self.turn) = (quota, deadline, 0);
        let now = Instant::now();
        (0..self.slots.len()).for_each(|number| self.ask(number, now));
    }

    pub(super) fn take_latencies(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.latencies)
    }

    /// Completes once all requests are answered and no more may be sent.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LoadError>> {
        loop {
            let wrote = self.poll_write(cx)?;
            if self.in_flight == 0 {
                return Poll::Ready(Ok(()));
            }
            if !(self.poll_read(cx)? | wrote) {
                return Poll::Pending;
            }
        }
    }

    fn ask(&mut self, number: usize, now: Instant) {
        if self.quota == 0 || self.deadline.is_some_and(|deadline| now >= deadline) {
            return;
        }
        self.quota -= 1;
        self.in_flight += 1;
        self.slots[number] = Slot {
            asked_at: now,
            answered: Some(0),
        };
        self.out.extend_from_slice(&self.prepared.asked[number]);
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<bool, LoadError> {
        if self.sent == self.out.len() {
            return Ok(false);
        }
        let mut piece = &self.out[self.sent..];
        if let Segments::Paced { bytes, pause } = self.prepared.segments {
            piece = &piece[..piece.len().min(bytes)];
            while Instant::now() < self.next_write {
                std::hint::spin_loop();
            }
            self.next_write = Instant::now() + pause;
        }
        match Pin::new(&mut self.stream).poll_write(cx, piece) {
            Poll::Pending => return Ok(false),
            Poll::Ready(written) => self.sent += written?,
        }
        if self.sent == self.out.len() {
            self.out.clear();
            self.sent = 0;
        }
        Ok(true)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Result<bool, LoadError> {
        let mut room = ReadBuf::new(&mut self.input[self.filled..]);
        match Pin::new(&mut self.stream).poll_read(cx, &mut room) {
            Poll::Pending => return Ok(false),
            Poll::Ready(read) => read?,
        }
        let length = room.filled().len();
        if length == 0 {
            return Err(LoadError::Closed);
        }
        self.filled += length;
        self.take_answers()?;
        Ok(true)
    }

    fn take_answers(&mut self) -> Result<(), LoadError> {
        let now = Instant::now();
        let prepared = Arc::clone(&self.prepared);
        let mut due = READ;
        while self.taken < self.filled {
            let received = &self.input[self.taken..self.filled];
            let Some(shape) = prepared.shape(received)? else { break };
            if received.len() < shape.len() {
                due = shape.len();
                break;
            }
            let end = self.taken + shape.len();
            let number = self.check(&prepared, shape, self.taken..end)?;
            self.taken = end;
            self.count(number, now);
        }
        self.make_room(due);
        Ok(())
    }

    /// Returns the slot of the frame's reply, if the reply is the expected one.
    fn check(&self, prepared: &Prepared, shape: &Frame, at: std::ops::Range<usize>) -> Result<usize, LoadError> {
        let frame = &self.input[at];
        let number = match prepared.ids {
            Ids::Asked => shape.number_at(frame),
            Ids::Canned => Some(self.turn),
        };
        let number = number.ok_or_else(|| LoadError::stray(frame))?;
        let answered = self.slots.get(number).and_then(|slot| slot.answered);
        let due = &prepared.answers[answered.ok_or_else(|| LoadError::stray(frame))?];
        let carried = due
            .number_in(frame)
            .ok_or_else(|| LoadError::wrong(frame, due.bytes()))?;
        match prepared.ids {
            Ids::Canned if carried != 0 => Err(LoadError::wrong(frame, due.bytes())),
            _ => Ok(number),
        }
    }

    /// Counts a reply to the request `number`. After its last reply, sends the request again.
    fn count(&mut self, number: usize, now: Instant) {
        let slot = &mut self.slots[number];
        let answered = slot.answered.map_or(0, |before| before + 1);
        if answered < self.prepared.answers.len() {
            slot.answered = Some(answered);
            return;
        }
        slot.answered = None;
        self.latencies.push((now - slot.asked_at).as_nanos() as u64);
        self.in_flight -= 1;
        self.turn = (number + 1) % self.slots.len();
        self.ask(number, now);
    }

    /// Moves the remaining bytes to the front and makes room for a frame of `due` bytes.
    fn make_room(&mut self, due: usize) {
        if self.taken > 0 {
            self.input.copy_within(self.taken..self.filled, 0);
            self.filled -= self.taken;
            self.taken = 0;
        }
        if self.input.len() < due {
            self.input.resize(due, 0);
        }
        if self.filled == self.input.len() {
            self.input.resize(2 * self.filled, 0);
        }
    }
}
