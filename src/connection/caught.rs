//! Panics of code that users plug in, caught where they would leave something half done.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// Code that users plugged in has panicked.
#[derive(Debug, thiserror::Error)]
#[error("{what} panicked: {message}")]
pub(crate) struct Caught {
    what: &'static str,
    message: String,
}

/// Runs `code`, which `what` names for the error.
///
/// # Errors
/// It panicked. What it had borrowed may be half changed: the caller has to put that right, or not
/// to use it any more.
#[inline]
pub(crate) fn caught<T>(what: &'static str, code: impl FnOnce() -> T) -> Result<T, Caught> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|panic| Caught {
        what,
        message: panic_message(panic),
    })
}

/// Returns the message of a panic that was caught.
#[cold]
pub(crate) fn panic_message(panic: Box<dyn Any + Send>) -> String {
    let text = match panic.downcast::<String>() {
        Ok(text) => return *text,
        Err(other) => other,
    };
    match text.downcast::<&'static str>() {
        Ok(text) => (*text).to_owned(),
        Err(other) => {
            // Whatever it is may panic when it is dropped.
            std::mem::forget(other);
            "(no message)".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::panic_any;

    use super::*;

    /// Panics when it is dropped.
    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("again");
        }
    }

    #[test]
    fn a_panic_is_an_error_with_its_message_whatever_it_is() {
        assert_eq!(caught("it", || 7).expect("no panic"), 7);
        let error = |code: fn()| caught("it", code).expect_err("a panic").to_string();
        assert_eq!(error(|| panic!("no")), "it panicked: no");
        assert_eq!(error(|| panic!("no {}", 1)), "it panicked: no 1");
        assert_eq!(error(|| panic_any(Bomb)), "it panicked: (no message)");
    }
}
