//! The thread that copies: it reads the traffic that has passed, asks the candidate, and compares.
//! Callers and their service wait for nothing here.

use std::{rc::Rc, sync::Arc, time::Duration};

use nest_wire::{
    packet::RequestPacket,
    recording::{Event, Side},
};
use tokio::{task::JoinSet, time::sleep};

use super::{
    call::{Call, Results, Services, Skip},
    choice::Choice,
    primary::Replies,
};
use crate::{
    relay::queue::Receiver,
    traffic::{
        entry::{Entry, Seen, What},
        packet::Kind,
        reading::Reading,
    },
};

/// Time between two looks at what has passed: a thread that is woken for each packet would cost
/// more than what it does with them.
const PAUSE: Duration = Duration::from_millis(5);

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
        };
        Self {
            reading: Reading::default(),
            copying,
        }
    }

    /// Copies calls until no more events can come, and compares what is in flight. Needs a
    /// [`LocalSet`](tokio::task::LocalSet).
    pub(super) async fn run(mut self, events: &mut Receiver) -> Results {
        loop {
            let event = tokio::select! {
                event = events.recv() => event,
                Some(_) = self.copying.tasks.join_next() => continue,
            };
            let Some(event) = event else { break };
            self.event(&event);
            sleep(PAUSE).await;
            while let Some(event) = events.try_recv() {
                self.event(&event);
            }
            self.copying.replies.forget_late();
        }
        let Copying {
            replies,
            mut tasks,
            services,
            ..
        } = self.copying;
        // Calls whose reply has not passed will see none.
        drop(replies);
        while tasks.join_next().await.is_some() {}
        let services = Rc::into_inner(services).expect("all tasks have ended");
        services.results.into_inner()
    }

    fn event(&mut self, event: &Event) {
        let Self { reading, copying } = self;
        reading.read(event, |entry| copying.entry(&entry));
    }
}

impl Copying {
    fn entry(&mut self, entry: &Entry) {
        match (&entry.what, entry.from) {
            // What is no packet, Nest answers by closing the connection.
            (What::Packet(seen), _) if seen.why.is_some() => self.replies.give_up(entry.connection),
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

    fn asked(&mut self, seen: &Seen, connection: u32) {
        let Some(pattern) = &seen.pattern else { return };
        let is_event = seen.kind == Kind::Event;
        if (is_event && !self.copies_events) || !self.choice.takes(pattern) {
            return;
        }
        let Ok(packet) = RequestPacket::new(seen.frame.text.as_str()) else {
            return;
        };
        if self.tasks.len() >= self.max_in_flight {
            return self.services.skip(Skip::Busy);
        }
        let services = Rc::clone(&self.services);
        let Some(number) = seen.call else {
            self.tasks
                .spawn_local(async move { services.copy_event(&packet).await });
            return;
        };
        let call = Call {
            number,
            is_asked_again: self.choice.is_asked_again(pattern),
            pattern: Arc::clone(pattern),
            packet,
        };
        let reply = self.replies.of(number, connection);
        self.tasks
            .spawn_local(async move { services.compare(call, reply).await });
    }
}
