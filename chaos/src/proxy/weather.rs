//! Which faults there are.

use std::time::Duration;

use fastrand::Rng;

use super::{Course, Event, Plan};

/// A fault that a connection may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Every piece arrives late, by up to this much.
    Delays(Duration),
    /// One side reads a few bytes at a time.
    SlowReading,
    /// The connection is closed on both sides, after a number of bytes.
    Cuts,
    /// The connection is reset on both sides, after a number of bytes.
    Resets,
    /// After a number of bytes, nothing passes in either direction, and the connection stays open.
    HalfOpen,
    /// One direction ends in order, after a number of bytes; the other goes on.
    HalfCloses,
    /// The connection is reset before a byte of it is carried.
    Refuses,
    /// One direction stands still for up to this much, after a number of bytes.
    Pauses(Duration),
}

/// The faults of which each connection draws one, and how much is carried before it comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weather {
    faults: Vec<Fault>,
    /// A cut, a pause and the like comes within so many bytes.
    within: u64,
}

impl Weather {
    /// No faults.
    #[must_use]
    pub const fn calm() -> Self {
        Self {
            faults: Vec::new(),
            within: 0,
        }
    }

    /// Each connection has one of these faults, which comes after at most `within` bytes. A connection without one is
    /// as frequent as each of them.
    #[must_use]
    pub const fn of(faults: Vec<Fault>, within: u64) -> Self {
        Self { faults, within }
    }

    /// Whether there are no faults.
    #[must_use]
    pub const fn is_calm(&self) -> bool {
        self.faults.is_empty()
    }

    /// Draws the plan of one connection.
    pub fn plan(&self, random: &mut Rng) -> Plan {
        let mut plan = Plan::default();
        if let Some(fault) = self.faults.get(random.usize(..=self.faults.len())) {
            self.add(*fault, &mut plan, random);
        }
        plan
    }

    fn add(&self, fault: Fault, plan: &mut Plan, random: &mut Rng) {
        let event = match fault {
            Fault::Refuses => {
                plan.is_refused = true;
                return;
            }
            Fault::Delays(most) => {
                plan.to_service.delay = most.mul_f64(random.f64());
                plan.to_caller.delay = most.mul_f64(random.f64());
                return;
            }
            Fault::SlowReading => {
                let course = either(plan, random);
                course.piece = random.usize(1..=512);
                course.delay = Duration::from_micros(random.u64(..2000));
                return;
            }
            Fault::Cuts => Event::Close,
            Fault::Resets => Event::Reset,
            Fault::HalfOpen => Event::Silence,
            Fault::HalfCloses => Event::HalfClose,
            Fault::Pauses(most) => Event::Pause(most.mul_f64(random.f64())),
        };
        let after = random.u64(..=self.within);
        either(plan, random).event = Some((after, event));
    }
}

fn either<'a>(plan: &'a mut Plan, random: &mut Rng) -> &'a mut Course {
    match random.bool() {
        true => &mut plan.to_service,
        false => &mut plan.to_caller,
    }
}
