//! The thread that copies: it reads the traffic that has passed, asks the candidate, and compares.
//! Callers and their service wait for nothing here.

use std::{rc::Rc, sync::Arc, time::Duration};

use nest_wire::{packet::RequestPacket, recording::Side};
use tokio::{
    task::{JoinSet, yield_now},
    time::{sleep, timeout},
};

use super::{
    call::{Call, Results, Services, Skip},
    choice::Choice,
    primary::Replies,
};
use crate::{
    relay::queue::{Message, Receiver},
    traffic::{
        diagnosis::Diagnosis,
        entry::{Entry, Seen, What},
        packet::Kind,
        reading::Reading,
    },
};

/// Time between two looks at what has passed: a thread that is woken for each packet would cost
/// more than what it does with them.
const PAUSE: Duration = Duration::from_millis(5);
/// Maximum number of events that are read before copies have their turn.
const MAX_BATCH: usize = 256;
/// Maximum time for which copies in flight are waited for at the end.
const MAX_END: Duration = Duration::from_secs(5);

/// What is copied, and how much at once.
pub(super) struct Copier {
    reading: Reading,
    copying: Copying,
}

struct Copying {
    choice: Choice,
    copies_events: bool,
    max_in_flight: usize,
    services: Rc<Services>,
    replies: Replies,
    tasks: JoinSet<()>,
    in_flight: InFlight,
}

/// Counts copies in flight.
#[derive(Clone, Default)]
struct InFlight(Rc<()>);

impl InFlight {
    fn count(&self) -> usize {
        Rc::strong_count(&self.0) - 1
    }
}

impl Copier {
    pub(super) fn new(choice: Choice, copies_events: bool, max_in_flight: usize, services: Services) -> Self {
        let copying = Copying {
            choice,
            copies_events,
            max_in_flight,
            replies: Replies::new(services.room.clone()),
            services: Rc::new(services),
            tasks: JoinSet::new(),
            in_flight: InFlight::default(),
        };
        Self {
            reading: Reading::default(),
            copying,
        }
    }

    /// Copies calls until no more events can come, and compares what is in flight. Needs a
    /// [`LocalSet`](tokio::task::LocalSet).
    pub(super) async fn run(mut self, events: &mut Receiver) -> Results {
        let mut is_behind = false;
        while let Some(message) = events.recv().await {
            self.message(message);
            match is_behind {
                true => yield_now().await,
                false => sleep(PAUSE).await,
            }
            is_behind = self.batch(events);
            while self.copying.tasks.try_join_next().is_some() {}
            self.copying.replies.forget_late();
        }
        self.copying.end().await
    }

    /// Reads what has come meanwhile. Returns true if there may be more.
    fn batch(&mut self, events: &mut Receiver) -> bool {
        for _ in 0..MAX_BATCH {
            match events.try_recv() {
                Some(message) => self.message(message),
                None => return false,
            }
        }
        true
    }

    fn message(&mut self, message: Message) {
        let Self { reading, copying } = self;
        match message {
            Message::Event(event) => reading.read(&event, |entry| copying.entry(&entry)),
            Message::AskBusy(answer) => drop(answer.send(reading.busy())),
        }
    }
}

impl Copying {
    fn entry(&mut self, entry: &Entry) {
        match (&entry.what, entry.from) {
            (What::Packet(seen), from) if seen.why.is_some() => self.broken(seen, from, entry.connection),
            (What::Packet(seen), Side::Caller) => self.asked(seen, entry.connection),
            (What::Packet(seen), Side::Service) => {
                if let Some(call) = seen.call {
                    let last = seen.kind.is_final().then(|| seen.latency.unwrap_or_default());
                    self.replies.packet(call, &seen.frame.text, last);
                }
            }
            (What::Failed(_) | What::Reset | What::Missing(_), _) | (What::End, Side::Service) => {
                self.replies.give_up(entry.connection);
            }
            _ => {}
        }
    }

    fn broken(&mut self, seen: &Seen, from: Side, connection: u32) {
        match (&seen.why, from) {
            (Some(Diagnosis::TooLong), Side::Caller) => self.services.skip(Skip::TooLarge),
            // Which call it belongs to is not known; the others go on.
            (Some(Diagnosis::TooLong), Side::Service) => {}
            // What is no packet, Nest answers by closing the connection.
            _ => self.replies.give_up(connection),
        }
    }

    /// Waits for the copies in flight, for a while.
    async fn end(mut self) -> Results {
        // Calls whose reply has not passed will see none.
        drop(self.replies);
        let all = async { while self.tasks.join_next().await.is_some() {} };
        // Those that are left are dropped with the tasks.
        let _ = timeout(MAX_END, all).await;
        let left = self.in_flight.count();
        self.tasks.shutdown().await;
        let services = Rc::into_inner(self.services).expect("all tasks have ended");
        let mut results = services.results.into_inner();
        results.tally.skipped.unfinished += left as u64;
        results
    }

    /// Returns true if no more calls are wanted: those that pass until the end are not copied.
    fn are_enough(&self) -> bool {
        self.services.results.borrow().are_enough()
    }

    fn asked(&mut self, seen: &Seen, connection: u32) {
        let Some(pattern) = &seen.pattern else { return };
        if let Some(before) = seen.same_id {
            self.replies.forget(before);
            return self.services.skip(Skip::Unfinished);
        }
        self.services.results.borrow_mut().tally.passed += 1;
        let is_event = seen.kind == Kind::Event;
        if (is_event && !self.copies_events) || !self.choice.takes(pattern) || self.are_enough() {
            return;
        }
        let Ok(packet) = RequestPacket::new(seen.frame.text.as_str()) else {
            return;
        };
        if self.in_flight.count() >= self.max_in_flight {
            return self.services.skip(Skip::Busy);
        }
        let mut held = self.services.room.packets();
        if held.push_size(seen.frame.text.len()).is_err() {
            return self.services.skip(Skip::TooLarge);
        }
        let (services, in_flight) = (Rc::clone(&self.services), self.in_flight.clone());
        let Some(number) = seen.call else {
            self.tasks.spawn_local(async move {
                services.copy_event(&packet).await;
                drop((in_flight, held));
            });
            return;
        };
        let call = Call {
            number,
            is_asked_again: self.choice.is_asked_again(pattern),
            pattern: Arc::clone(pattern),
            packet,
            _held: held,
        };
        let reply = self.replies.of(number, connection);
        self.tasks.spawn_local(async move {
            services.compare(call, reply).await;
            drop(in_flight);
        });
    }
}
