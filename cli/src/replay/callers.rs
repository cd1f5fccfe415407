//! Plays the callers of a recording against a service, and compares every reply.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use bytes::BytesMut;
use nest_wire::recording::{Content, Event, Side};
use tokio::time::{sleep_until, timeout, timeout_at};

use super::{
    live::{Came, Live},
    report::{self, Fault, Report},
    update::Update,
};
use crate::{
    compare::Comparison,
    dial::{DialError, Dialer},
    failure::{Failure, say},
    traffic::{
        filter::Only,
        frames::{Frame, Frames, Piece},
        packet::{Kind, Packet},
        text::head,
    },
};

/// Maximum number of bytes of a call's data that are remembered for the report.
const MAX_DATA_BYTES: usize = 1024;

/// Maximum number of values beyond the recorded ones that are waited for.
const MAX_EXTRA: usize = 1000;

/// How fast calls are made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Speed {
    /// As fast as the answers come.
    Max,
    /// This many times as fast as recorded.
    Times(f64),
}

/// What is played, and how.
pub(super) struct Options {
    pub(super) speed: Speed,
    /// Maximum time for a reply, and between the replies of a stream.
    pub(super) timeout: Duration,
    pub(super) only: Vec<Only>,
    pub(super) connection: Option<u32>,
    pub(super) sends_events: bool,
    pub(super) skips_broken: bool,
    pub(super) fails_fast: bool,
}

/// The state of a replay: what waits, in memory that the number of calls in flight bounds.
///
/// Events are taken in the order of the recording. A call is made when its request is reached, and
/// when its last recorded reply is reached, its replies are waited for: what was asked after an
/// answer is asked after it again, and as many calls are in flight as were.
pub(super) struct Player {
    dialer: Dialer,
    options: Options,
    comparison: Comparison,
    report: Report,
    update: Option<Update>,
    connections: HashMap<u32, Connection>,
    /// Number of calls so far.
    calls: u64,
    began: Instant,
    /// True if any connection could be made.
    has_connected: bool,
}

/// A recorded connection and the live one in its place.
#[derive(Default)]
struct Connection {
    live: Option<Live>,
    caller: Frames,
    /// The recorded bytes of the caller that no piece of `caller` has had yet.
    recorded: BytesMut,
    service: Frames,
    calls: HashMap<String, Call>,
}

struct Call {
    number: u64,
    pattern: String,
    data: String,
    at: Option<Duration>,
    sent: Instant,
    /// Recorded replies without a live one yet.
    recorded: VecDeque<String>,
    /// Live replies without a recorded one yet.
    came: VecDeque<String>,
    /// Number of recorded replies.
    values: u64,
    /// When the last recorded reply came, after the request.
    took: Option<Duration>,
    /// True once the last live reply came, or none can come any more.
    is_answered: bool,
    faults: Vec<Fault>,
    /// Live replies, for a recording that is made anew.
    replies: Vec<String>,
}

/// The end of a replay, before its time.
pub(super) enum Stop {
    /// The first difference, where one is enough.
    First,
    /// No connection at all.
    Unreachable(DialError),
    Failed(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Player {
    pub(super) fn new(
        dialer: Dialer,
        options: Options,
        comparison: Comparison,
        report: Report,
        update: Option<Update>,
    ) -> Self {
        Self {
            dialer,
            options,
            comparison,
            report,
            update,
            connections: HashMap::new(),
            calls: 0,
            began: Instant::now(),
            has_connected: false,
        }
    }

    /// Plays one event.
    pub(super) async fn play(&mut self, event: &Event) -> Result<(), Stop> {
        if self.options.connection.is_some_and(|only| only != event.connection) {
            return Ok(());
        }
        self.wait_until_due(event).await;
        match (event.from, &event.content) {
            (Side::Caller, Content::Segment(bytes)) => self.requests(event, bytes).await,
            (Side::Service, Content::Segment(bytes)) => self.replies(event, bytes).await,
            (Side::Caller, Content::End | Content::Reset) => {
                self.close(event.connection).await?;
                Ok(self.write(event)?)
            }
            (Side::Caller, Content::Opened(_)) => {
                self.connect(event.connection).await?;
                Ok(self.write(event)?)
            }
            _ => Ok(self.write(event)?),
        }
    }

    /// Waits for what is in flight still. Returns the counts.
    pub(super) async fn finish(mut self) -> Result<(Report, Comparison, Option<Update>), Stop> {
        let connections: Vec<u32> = self.connections.keys().copied().collect();
        for connection in connections {
            self.close(connection).await?;
        }
        Ok((self.report, self.comparison, self.update))
    }

    /// Returns the counts as they stand, of a replay that was stopped.
    pub(super) fn stopped(self) -> Report {
        self.report
    }

    fn write(&mut self, event: &Event) -> Result<(), Failure> {
        match &mut self.update {
            Some(update) => update.write(event),
            None => Ok(()),
        }
    }

    async fn wait_until_due(&self, event: &Event) {
        if let (Speed::Times(times), Some(at)) = (self.options.speed, event.at)
            && event.from == Side::Caller
        {
            // A time that no clock can show is never due.
            let after = Duration::try_from_secs_f64(at.as_secs_f64() / times).ok();
            match after.and_then(|after| self.began.checked_add(after)) {
                Some(due) => sleep_until(due.into()).await,
                None => std::future::pending().await,
            }
        }
    }

    /// Connects in place of a recorded connection, if there is no live one.
    async fn connect(&mut self, number: u32) -> Result<(), Stop> {
        let connection = self.connections.entry(number).or_default();
        if connection.live.as_ref().is_some_and(|live| live.ended().is_none()) {
            return Ok(());
        }
        match self.dialer.dial().await {
            Ok(stream) => {
                connection.live = Some(Live::new(stream));
                self.has_connected = true;
                Ok(())
            }
            Err(error) if self.has_connected => {
                connection.live = None;
                self.report.lost += 1;
                say(format_args!("warning: cannot connect: {error}"));
                Ok(())
            }
            Err(error) => Err(Stop::Unreachable(error)),
        }
    }

    async fn requests(&mut self, event: &Event, bytes: &[u8]) -> Result<(), Stop> {
        let number = event.connection;
        let connection = self.connection(number);
        connection.caller.push(bytes);
        connection.recorded.extend_from_slice(bytes);
        while let Some(piece) = self.connection(number).caller.next() {
            self.give_up(number);
            let mut recorded = self.connection(number).read_so_far();
            match piece {
                Piece::Frame(frame) => {
                    // Before the frame may stand what was passed over to find it.
                    let before = recorded.len().saturating_sub(frame.head + frame.bytes);
                    self.broken(number, &recorded.split_to(before)).await?;
                    self.request(event, &frame, &recorded).await?;
                }
                Piece::Broken { .. } => {
                    self.report.broken += u64::from(self.sends_broken());
                    self.broken(number, &recorded).await?;
                }
                Piece::Skipped(_) => {}
            }
        }
        let passed_over = self.connection(number).read_so_far();
        self.broken(number, &passed_over).await?;
        Ok(self.write(event)?)
    }

    /// Returns true if bytes that are not a packet are sent: they belong to no pattern.
    fn sends_broken(&self) -> bool {
        !self.options.skips_broken && self.options.only.is_empty()
    }

    /// Sends bytes that are not a packet, unless they are left out.
    async fn broken(&mut self, number: u32, bytes: &[u8]) -> Result<(), Stop> {
        match bytes.is_empty() || !self.sends_broken() {
            true => Ok(()),
            false => self.send(number, bytes).await,
        }
    }

    fn connection(&mut self, number: u32) -> &mut Connection {
        self.connections.entry(number).or_default()
    }

    /// Makes a call, or sends an event, with the bytes that were recorded.
    async fn request(&mut self, event: &Event, frame: &Frame, bytes: &[u8]) -> Result<(), Stop> {
        let Some(packet) = Packet::read(Side::Caller, &frame.text) else {
            return Ok(());
        };
        let pattern = packet.pattern.unwrap_or_default();
        let is_wanted = |only: &Only| match only {
            Only::Kind(kind) => *kind == packet.kind,
            Only::Pattern(route) => *route == pattern,
        };
        let only = &self.options.only;
        if !(only.is_empty() || only.iter().any(is_wanted)) {
            return Ok(());
        }
        match (packet.kind, packet.id) {
            (Kind::Request, Some(id)) => {
                self.calls += 1;
                let data = packet.payload.as_ref().map_or("", |data| data.as_str());
                let call = Call::new(self.calls, pattern, data, event.at);
                // The same id once more, before the first call was answered: their replies cannot be told apart.
                if let Some(forgotten) = self.connection(event.connection).calls.insert(id.to_string(), call) {
                    self.ended(forgotten)?;
                }
                self.send(event.connection, bytes).await
            }
            _ if self.options.sends_events => {
                self.report.events += 1;
                self.send(event.connection, bytes).await
            }
            _ => Ok(()),
        }
    }

    /// Gives up a connection that has ended: what waits for a reply gets none.
    fn give_up(&mut self, number: u32) {
        self.take_in(number);
        let connection = self.connections.entry(number).or_default();
        let Some(why) = connection.live.as_ref().and_then(Live::ended) else {
            return;
        };
        connection.live = None;
        self.report.lost += 1;
        for call in connection.calls.values_mut().filter(|call| !call.is_answered) {
            call.lose(&why);
        }
    }

    /// Sends bytes as they were recorded, over a new connection if the old one is gone.
    async fn send(&mut self, number: u32, bytes: &[u8]) -> Result<(), Stop> {
        self.connect(number).await?;
        let limit = self.options.timeout;
        let connection = self.connection(number);
        if let Some(live) = &mut connection.live
            && timeout(limit, live.write(bytes)).await.is_err()
        {
            // A service that does not read gets no more. Another failure shows when the reply is
            // waited for.
            connection.live = None;
            self.report.lost += 1;
        }
        Ok(())
    }

    async fn replies(&mut self, event: &Event, bytes: &[u8]) -> Result<(), Stop> {
        self.connection(event.connection).service.push(bytes);
        while let Some(piece) = self.connection(event.connection).service.next() {
            if let Piece::Frame(frame) = piece {
                self.reply(event, frame.text).await?;
            }
        }
        Ok(())
    }

    /// Takes a recorded reply in; after the last one of a call, waits for the live ones.
    async fn reply(&mut self, event: &Event, text: String) -> Result<(), Stop> {
        let Some(packet) = Packet::read(Side::Service, &text) else {
            return Ok(());
        };
        let Some(id) = packet.id.map(|id| id.to_string()) else {
            return Ok(());
        };
        let Some(call) = self.connection(event.connection).calls.get_mut(&id) else {
            // Of a call that is not played, or that nobody made.
            return Ok(());
        };
        call.recorded.push_back(text);
        call.values += 1;
        if !packet.kind.is_final() {
            return Ok(());
        }
        call.took = event.at.zip(call.at).map(|(now, then)| now.saturating_sub(then));
        self.wait_for(event.connection, &id).await;
        if let Some(call) = self.connection(event.connection).calls.remove(&id) {
            if let Some(update) = &mut self.update {
                update.has_errors |= !packet.kind.is_error() && call.has_failed();
                update.replies(event, &call.replies)?;
            }
            self.compared(call)?;
        }
        Ok(())
    }

    /// Waits for the last live reply of a call, the end of the connection, or the end of the time.
    async fn wait_for(&mut self, number: u32, id: &str) {
        let limit = self.options.timeout;
        let mut since = self
            .connection(number)
            .calls
            .get(id)
            .map_or_else(Instant::now, |call| call.sent);
        loop {
            let came = self.take_in(number);
            let connection = self.connection(number);
            let Some(call) = connection.calls.get_mut(id) else {
                return;
            };
            if call.is_answered {
                return;
            }
            if call.came.len() > MAX_EXTRA {
                call.faults.push(Fault::Words(format!(
                    "more than {MAX_EXTRA} values that were not recorded"
                )));
                call.came.clear();
                return;
            }
            if came.iter().any(|other| other == id) {
                since = Instant::now();
            }
            let Some(live) = &connection.live else {
                call.faults
                    .push(Fault::Words("no connection, or the service does not read".to_owned()));
                return;
            };
            if live.ended().is_some() {
                return self.give_up(number);
            }
            if timeout_at((since + limit).into(), live.wait()).await.is_err() {
                call.faults.push(Fault::Words(call.without_answer(limit)));
                return;
            }
        }
    }

    /// Takes in what has come over a connection. Returns the ids of the calls that it belongs to.
    fn take_in(&mut self, number: u32) -> Vec<String> {
        let Self {
            connections,
            comparison,
            update,
            ..
        } = self;
        let keeps = update.is_some();
        let Some(Connection {
            live: Some(live),
            calls,
            ..
        }) = connections.get_mut(&number)
        else {
            return Vec::new();
        };
        let mut ids = Vec::new();
        while let Some(came) = live.take() {
            match came {
                Came::Broken(why) => calls.values_mut().for_each(|call| {
                    call.faults
                        .push(Fault::Words(format!("the service broke the framing: {why}")));
                }),
                Came::Packet(text) => {
                    let packet = Packet::read(Side::Service, &text);
                    let Some((kind, id)) = packet.and_then(|packet| Some((packet.kind, packet.id?.to_string()))) else {
                        continue;
                    };
                    if let Some(call) = calls.get_mut(&id) {
                        call.is_answered |= kind.is_final();
                        if keeps {
                            call.replies.push(text.clone());
                        }
                        call.came.push_back(text);
                        call.compare(comparison);
                        ids.push(id);
                    }
                }
            }
        }
        ids
    }

    /// Compares what is left of a call, and reports it.
    fn compared(&mut self, mut call: Call) -> Result<(), Stop> {
        call.compare(&mut self.comparison);
        if call.faults.is_empty() {
            let missing = call.recorded.drain(..).map(|reply| format!("missing: {reply}"));
            let extra = call.came.drain(..).map(|reply| format!("not recorded: {reply}"));
            let faults: Vec<Fault> = missing.chain(extra).map(Fault::Words).collect();
            call.faults.extend(faults);
        }
        self.report.call(&call.words(), &call.faults)?;
        match self.options.fails_fast && !call.faults.is_empty() {
            true => Err(Stop::First),
            false => Ok(()),
        }
    }

    /// Ends a call whose last reply was not recorded.
    fn ended(&mut self, call: Call) -> Result<(), Stop> {
        self.report.unanswered += 1;
        match call.faults.is_empty() {
            true => Ok(()),
            false => self.compared(call),
        }
    }

    /// Closes a connection as its caller did.
    async fn close(&mut self, number: u32) -> Result<(), Stop> {
        let Some(mut connection) = self.connections.remove(&number) else {
            return Ok(());
        };
        if let Some(live) = &mut connection.live {
            live.close().await;
        }
        for call in connection.calls.into_values() {
            self.ended(call)?;
        }
        Ok(())
    }
}

impl Connection {
    /// Takes out the recorded bytes that cannot become part of a later frame.
    fn read_so_far(&mut self) -> BytesMut {
        let pending = self.caller.pending().min(self.recorded.len());
        self.recorded.split_to(self.recorded.len() - pending)
    }
}

impl Call {
    fn new(number: u64, pattern: String, data: &str, at: Option<Duration>) -> Self {
        Self {
            number,
            pattern,
            data: head(data, MAX_DATA_BYTES).to_owned(),
            at,
            sent: Instant::now(),
            recorded: VecDeque::new(),
            came: VecDeque::new(),
            values: 0,
            took: None,
            is_answered: false,
            faults: Vec::new(),
            replies: Vec::new(),
        }
    }

    /// Ends without its last reply, since the connection has ended.
    fn lose(&mut self, why: &str) {
        self.is_answered = true;
        self.faults.push(Fault::Words(format!(
            "the connection was lost before the answer: {why}"
        )));
    }

    /// Compares the replies of which both are there.
    fn compare(&mut self, comparison: &mut Comparison) {
        while !self.recorded.is_empty() && !self.came.is_empty() {
            if let (Some(recorded), Some(came)) = (self.recorded.pop_front(), self.came.pop_front()) {
                let differences = comparison.differences(&recorded, &came);
                if !differences.is_empty() {
                    self.faults.push(Fault::Fields(differences));
                }
            }
        }
    }

    /// Returns true if the last live reply is an error, or there is none.
    fn has_failed(&self) -> bool {
        let last = self.replies.last().and_then(|reply| Packet::read(Side::Service, reply));
        last.is_none_or(|last| last.kind.is_error())
    }

    fn without_answer(&self, limit: Duration) -> String {
        let values = match self.values {
            1 => "1 reply".to_owned(),
            values => format!("{values} replies"),
        };
        let took = self
            .took
            .map(|took| format!(" after {}", crate::traffic::text::time(took)));
        format!(
            "no answer within {} s; recorded: {values}{}",
            limit.as_secs_f64(),
            took.unwrap_or_default()
        )
    }

    fn words(&self) -> report::Call<'_> {
        report::Call {
            number: self.number,
            pattern: &self.pattern,
            data: &self.data,
            at: self.at,
        }
    }
}
