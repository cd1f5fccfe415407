//! The kinds of faults.

use std::time::Duration;

use fastrand::Rng;

use super::{Course, Event, Plan};

/// A fault that a connection may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Every piece arrives late, by up to this time.
    Delays(Duration),
    /// One side reads a few bytes at a time.
    SlowReading,
    /// The connection is closed on both sides, after a number of bytes.
    Cuts,
    /// The connection is reset on both sides, after a number of bytes.
    Resets,
    /// After a number of bytes, neither direction carries anything, and the connection stays open.
    HalfOpen,
    /// One direction ends in order after a number of bytes; the other one continues.
    HalfCloses,
    /// The connection is reset before a byte is carried.
    Refuses,
    /// One direction pauses for up to this time, after a number of bytes.
    Pauses(Duration),
}

/// The faults that connections draw from, and the number of bytes before a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weather {
    faults: Vec<Fault>,
    /// Maximum number of bytes before an event such as a cut or a pause.
    within: u64,
}

impl Weather {
    /// Returns a weather without faults.
    #[must_use]
    pub const fn calm() -> Self {
        Self {
            faults: Vec::new(),
            within: 0,
        }
    }

    /// Returns a weather in which each connection draws one of these faults or none, with equal
    /// probability. The fault comes after at most `within` bytes.
    #[must_use]
    pub const fn of(faults: Vec<Fault>, within: u64) -> Self {
        Self { faults, within }
    }

    /// Returns whether there are no faults.
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
