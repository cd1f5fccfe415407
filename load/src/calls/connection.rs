//! One connection: begins the calls that are due, and reads the replies.

use std::{
    collections::VecDeque,
    future::Future,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use nest_wire::{
    codec::FrameDecoder,
    packet::{IncomingReply, ReplyOutcome},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

use super::{
    Fault, Plan, Tally,
    alarm::Alarm,
    plan::Bytes,
    schedule::{Next, Schedule},
    slots::{InFlight, MAX_IN_FLIGHT, Slots},
};
use crate::frame::number_of_id;

/// Number of bytes of one read.
const READ: usize = 16 * 1024;
/// Maximum number of bytes that wait to be written. No call begins while there are more.
const MAX_UNSENT: usize = 256 * 1024;

/// Why a connection has made its last call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// All its calls are made and answered.
    Well,
    /// The service has closed it.
    Closed,
    /// It failed, for this reason.
    Failed(String),
    /// The service has sent what is no reply: how.
    Broken(String),
    /// No call has ended for this time, although some were in flight.
    Silent(Duration),
}

/// A connection that calls can be made on.
pub(super) struct Connection<S> {
    stream: S,
    plan: Arc<Plan>,
    decoder: FrameDecoder,
    slots: Slots,
    /// Number of calls that this connection has begun.
    begun: usize,
    /// Bytes to be sent, from `sent` on.
    out: Vec<u8>,
    sent: usize,
    /// The events in `out`, and how many bytes have to be sent until one is.
    events: VecDeque<(usize, InFlight)>,
    input: Box<[u8]>,
}

/// What a connection needs for one run.
pub(super) struct Turn {
    pub(super) schedule: Schedule,
    pub(super) tally: Arc<Mutex<Tally>>,
    pub(super) alarm: Alarm,
    patience: Pin<Box<Sleep>>,
    progress: Instant,
}

impl Turn {
    pub(super) fn new(schedule: Schedule, tally: Arc<Mutex<Tally>>, alarm: Alarm, patience: Duration) -> Self {
        Self {
            schedule,
            tally,
            alarm,
            patience: Box::pin(sleep(patience)),
            progress: Instant::now(),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(super) fn new(stream: S, plan: Arc<Plan>) -> Self {
        Self {
            stream,
            plan,
            decoder: FrameDecoder::default(),
            slots: Slots::default(),
            begun: 0,
            out: Vec::new(),
            sent: 0,
            events: VecDeque::new(),
            input: vec![0; READ].into(),
        }
    }

    /// Completes once the schedule is over and all calls have ended, or the connection has.
    pub(super) fn poll(&mut self, turn: &mut Turn, cx: &mut Context<'_>) -> Poll<Ended> {
        let ended = match self.poll_calls(turn, cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(())) => return Poll::Ready(Ended::Well),
            Poll::Ready(Err(ended)) => ended,
        };
        let lost = self.in_flight() as u64;
        let mut tally = locked(&turn.tally);
        match ended {
            Ended::Silent(_) => tally.lost.late += lost,
            _ => tally.lost.with_connection += lost,
        }
        Poll::Ready(ended)
    }

    fn poll_calls(&mut self, turn: &mut Turn, cx: &mut Context<'_>) -> Poll<Result<(), Ended>> {
        loop {
            let waits_until = self.begin_due(turn);
            let wrote = self.poll_write(turn, cx)?;
            let read = self.poll_read(turn, cx)?;
            if turn.schedule.is_over() && self.in_flight() == 0 {
                return Poll::Ready(Ok(()));
            }
            if wrote || read {
                continue;
            }
            if let Some(time) = waits_until
                && turn.alarm.poll_at(time, cx).is_ready()
            {
                continue;
            }
            return self.poll_patience(turn, cx);
        }
    }

    fn in_flight(&self) -> usize {
        self.slots.len() + self.events.len()
    }

    /// Begins the calls that are due. Returns when the next one is, if time decides that.
    fn begin_due(&mut self, turn: &mut Turn) -> Option<Instant> {
        let now = Instant::now();
        let before = self.begun;
        let waits_until = loop {
            if self.in_flight() >= MAX_IN_FLIGHT || self.out.len() - self.sent > MAX_UNSENT {
                break None;
            }
            match turn.schedule.next(now, self.in_flight()) {
                Next::Begin(due) => self.begin(due, now),
                Next::At(time) => break Some(time),
                Next::Full | Next::Never => break None,
            }
        };
        if self.begun > before {
            if self.in_flight() == self.begun - before {
                // Nothing was waited for until now.
                turn.progress = now;
            }
            locked(&turn.tally).begun += (self.begun - before) as u64;
        }
        waits_until
    }

    fn begin(&mut self, due: Instant, now: Instant) {
        let call = self.begun % self.plan.calls.len();
        self.begun += 1;
        let in_flight = InFlight {
            call,
            due,
            begun: now,
            is_right: true,
        };
        match &self.plan.calls[call].bytes {
            Bytes::Request(frame) => {
                let slot = self.slots.insert(in_flight);
                frame.write(slot, &mut self.out);
            }
            Bytes::Event(bytes) => {
                self.out.extend_from_slice(bytes);
                self.events.push_back((self.out.len(), in_flight));
            }
        }
    }

    fn poll_write(&mut self, turn: &mut Turn, cx: &mut Context<'_>) -> Result<bool, Ended> {
        if self.sent == self.out.len() {
            return Ok(false);
        }
        let written = match Pin::new(&mut self.stream).poll_write(cx, &self.out[self.sent..]) {
            Poll::Pending => return Ok(false),
            Poll::Ready(written) => written.map_err(|error| failed(&error))?,
        };
        if written == 0 {
            return Err(Ended::Closed);
        }
        self.sent += written;
        locked(&turn.tally).sent += written as u64;
        self.events_sent(turn);
        if self.sent == self.out.len() {
            self.out.clear();
            self.sent = 0;
            // TLS may still hold what was written.
            if let Poll::Ready(Err(error)) = Pin::new(&mut self.stream).poll_flush(cx) {
                return Err(failed(&error));
            }
        } else if self.sent > MAX_UNSENT {
            self.out.drain(..self.sent);
            for (end, _) in &mut self.events {
                *end -= self.sent;
            }
            self.sent = 0;
        }
        Ok(true)
    }

    /// An event has ended when the system has taken it.
    fn events_sent(&mut self, turn: &mut Turn) {
        if self.events.front().is_none_or(|(end, _)| *end > self.sent) {
            return;
        }
        let now = Instant::now();
        let mut tally = locked(&turn.tally);
        while let Some((end, event)) = self.events.front()
            && *end <= self.sent
        {
            tally.well(now - event.due, now - event.begun);
            self.events.pop_front();
        }
        turn.progress = now;
    }

    fn poll_read(&mut self, turn: &mut Turn, cx: &mut Context<'_>) -> Result<bool, Ended> {
        let mut buffer = ReadBuf::new(&mut self.input);
        match Pin::new(&mut self.stream).poll_read(cx, &mut buffer) {
            Poll::Pending => return Ok(false),
            Poll::Ready(read) => read.map_err(|error| failed(&error))?,
        }
        let received = buffer.filled();
        if received.is_empty() {
            return Err(Ended::Closed);
        }
        let mut tally = locked(&turn.tally);
        tally.received += received.len() as u64;
        self.decoder.push(received);
        let now = Instant::now();
        loop {
            let frame = self.decoder.next_frame().map_err(|error| broken(&error))?;
            let Some(frame) = frame else { break };
            let reply = IncomingReply::read(&frame, self.plan.compat).map_err(|error| broken(&error))?;
            if handle(&mut self.slots, &self.plan, reply, now, &mut tally)? {
                turn.progress = now;
            }
        }
        Ok(true)
    }

    /// Fails once no call has ended for too long. Until then the task is woken when it may have to.
    fn poll_patience(&mut self, turn: &mut Turn, cx: &mut Context<'_>) -> Poll<Result<(), Ended>> {
        let patience = self.plan.patience;
        loop {
            if turn.patience.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            let is_waiting = self.in_flight() > 0;
            if is_waiting && turn.progress.elapsed() >= patience {
                return Poll::Ready(Err(Ended::Silent(patience)));
            }
            let since = if is_waiting { turn.progress } else { Instant::now() };
            turn.patience.as_mut().reset(since + patience);
        }
    }
}

/// Counts a reply. Returns true if its call has ended.
fn handle(
    slots: &mut Slots,
    plan: &Plan,
    reply: IncomingReply,
    now: Instant,
    tally: &mut Tally,
) -> Result<bool, Ended> {
    let slot = reply.id.as_ref().and_then(|id| {
        let id = id.as_str().strip_prefix('"')?.strip_suffix('"')?;
        number_of_id(id)
    });
    let stray = || Ended::Broken("a reply to no call in flight".to_owned());
    let slot = slot.ok_or_else(stray)?;
    let call = slots.get_mut(slot).ok_or_else(stray)?;
    let expected = &plan.calls[call.call];
    let last = match reply.outcome {
        ReplyOutcome::Value(value) => {
            call.is_right = expected.is_right(value.as_ref());
            return Ok(false);
        }
        ReplyOutcome::Failed(error) => {
            let latency = now - call.due;
            tally.badly(latency, || Fault::Error(error.as_str().to_owned()), true);
            slots.remove(slot);
            return Ok(true);
        }
        ReplyOutcome::Completed(last) => last,
        _ => return Err(stray()),
    };
    // Without a value of its own, the end leaves the last value as the answer.
    if last.is_some() {
        call.is_right = expected.is_right(last.as_ref());
    }
    match call.is_right {
        true => tally.well(now - call.due, now - call.begun),
        false => {
            let value = last.map(|value| value.as_str().to_owned());
            tally.badly(now - call.due, || Fault::Wrong(value), false);
        }
    }
    slots.remove(slot);
    Ok(true)
}

pub(super) fn locked(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failed(error: &io::Error) -> Ended {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Ended::Closed,
        _ => Ended::Failed(error.to_string()),
    }
}

fn broken(error: &dyn std::error::Error) -> Ended {
    Ended::Broken(match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    })
}
