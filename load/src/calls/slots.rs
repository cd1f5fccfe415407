//! The calls in flight on one connection. A call's slot is the last part of its id.

use tokio::time::Instant;

/// Maximum number of calls in flight on a connection: the ids of requests have five digits for it.
pub(super) const MAX_IN_FLIGHT: usize = 99_999;

/// A call in flight.
#[derive(Debug, Clone, Copy)]
pub(super) struct InFlight {
    /// The number of the call in the plan.
    pub(super) call: usize,
    /// When it was to begin.
    pub(super) due: Instant,
    /// When it was handed to the connection.
    pub(super) begun: Instant,
    /// False if its last value so far is not the expected one.
    pub(super) is_right: bool,
}

/// The calls in flight, and the free slots.
#[derive(Debug, Default)]
pub(super) struct Slots {
    slots: Vec<Option<InFlight>>,
    free: Vec<usize>,
}

impl Slots {
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Returns the slot that the call now has.
    pub(super) fn insert(&mut self, call: InFlight) -> usize {
        match self.free.pop() {
            Some(slot) => {
                self.slots[slot] = Some(call);
                slot
            }
            None => {
                self.slots.push(Some(call));
                self.slots.len() - 1
            }
        }
    }

    pub(super) fn get_mut(&mut self, slot: usize) -> Option<&mut InFlight> {
        self.slots.get_mut(slot)?.as_mut()
    }

    pub(super) fn remove(&mut self, slot: usize) -> Option<InFlight> {
        let call = self.slots.get_mut(slot)?.take()?;
        self.free.push(slot);
        Some(call)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_used_again_once_its_call_has_ended() {
        let now = Instant::now();
        let call = |call| InFlight {
            call,
            due: now,
            begun: now,
            is_right: true,
        };
        let mut slots = Slots::default();
        assert_eq!((slots.insert(call(0)), slots.insert(call(1))), (0, 1));
        assert_eq!(slots.remove(0).map(|ended| ended.call), Some(0));
        assert!(slots.remove(0).is_none());
        assert!(slots.remove(7).is_none());
        assert_eq!((slots.len(), slots.insert(call(2)), slots.len()), (1, 0, 2));
        assert_eq!(slots.get_mut(0).map(|call| call.call), Some(2));
    }
}
