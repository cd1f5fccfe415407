//! Panics of user-supplied code, caught where they would leave data half changed.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// User-supplied code has panicked.
#[derive(Debug, thiserror::Error)]
#[error("{what} panicked: {message}")]
pub(crate) struct Caught {
    what: &'static str,
    message: String,
}

/// Runs `code` and returns its result; `what` names the code in the error.
///
/// # Errors
/// The code panicked. Whatever it had borrowed may be half changed: the caller must restore it or
/// stop using it.
#[inline]
pub(crate) fn caught<T>(what: &'static str, code: impl FnOnce() -> T) -> Result<T, Caught> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|panic| Caught {
        what,
        message: panic_message(panic),
    })
}

/// Returns the message of a caught panic.
#[cold]
pub(crate) fn panic_message(panic: Box<dyn Any + Send>) -> String {
    let text = match panic.downcast::<String>() {
        Ok(text) => return *text,
        Err(other) => other,
    };
    match text.downcast::<&'static str>() {
        Ok(text) => (*text).to_owned(),
        Err(other) => {
            // A payload of unknown type may panic when it is dropped.
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
