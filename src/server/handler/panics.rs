//! Contains panics of user code, so that a panic leaves no connection, lock or count half changed.

use std::{
    any::Any,
    ops::{Deref, DerefMut},
    panic::{AssertUnwindSafe, catch_unwind},
};

pub(in crate::server) use crate::connection::panic_message as message;

/// The payload of a panic.
pub(in crate::server) type Payload = Box<dyn Any + Send>;

/// Drops `value`, whose `Drop` is user code. A panic in it is logged.
pub(in crate::server) fn drop_contained<T>(value: T) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        let (panic, kind) = (message(panic), std::any::type_name::<T>());
        tracing::error!(panic, kind, "user code panicked while it was dropped");
    }
}

/// A value whose `Drop` is user code. A panic in it is logged.
#[derive(Debug)]
pub(in crate::server) struct Contained<T>(Option<T>);

impl<T> Contained<T> {
    pub(in crate::server) const fn new(value: T) -> Self {
        Self(Some(value))
    }

    /// Drops the value now. A panic in its `Drop` is not caught.
    pub(in crate::server) fn release(&mut self) {
        self.0 = None;
    }
}

impl<T> Deref for Contained<T> {
    type Target = Option<T>;

    fn deref(&self) -> &Option<T> {
        &self.0
    }
}

impl<T> DerefMut for Contained<T> {
    fn deref_mut(&mut self) -> &mut Option<T> {
        &mut self.0
    }
}

impl<T> Drop for Contained<T> {
    fn drop(&mut self) {
        if let Some(value) = self.0.take() {
            drop_contained(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::panic_any;

    use super::*;

    struct PanicsInDrop;

    impl Drop for PanicsInDrop {
        fn drop(&mut self) {
            panic_any(Self);
        }
    }

    #[test]
    fn a_panic_that_panics_when_it_is_dropped_ends_here() {
        drop_contained(PanicsInDrop);
        drop(Contained::new(PanicsInDrop));
    }
}
