//! The error of a call that took too long.

use std::{fmt, sync::Arc, time::Duration};

/// A call took longer than its timeout.
///
/// ```
/// use std::time::Duration;
/// use futures_util::future::pending;
/// use nest_wire::{client::CallError, in_memory, server::Router};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// let client = in_memory::client(Router::new().message("sum", async || pending::<()>().await));
/// let error = client.with_timeout(Duration::from_secs(5)).send::<u32>("sum", &[1, 2]).await.unwrap_err();
/// assert_eq!(error.to_string(), r#"the call to "sum" took longer than 5s"#);
/// let CallError::Timeout(error) = error else { unreachable!() };
/// assert_eq!(error.limit(), Duration::from_secs(5));
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeoutError {
    limit: Duration,
    pattern: Option<Arc<str>>,
}

impl TimeoutError {
    /// Returns the error of a call that took longer than `limit`. It names no pattern.
    #[must_use]
    pub const fn new(limit: Duration) -> Self {
        Self { limit, pattern: None }
    }

    pub(in crate::client) fn of_call(self, pattern: String) -> Self {
        let pattern = Some(pattern.into());
        Self { pattern, ..self }
    }

    /// Returns the timeout.
    #[must_use]
    pub const fn limit(&self) -> Duration {
        self.limit
    }

    /// Returns the pattern's JSON text. It is `None` for
    /// [`Client::connect`](crate::client::Client::connect), which has no pattern.
    #[must_use]
    pub fn pattern(&self) -> Option<&str> {
        self.pattern.as_deref()
    }
}

impl fmt::Display for TimeoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = self.limit;
        match &self.pattern {
            Some(pattern) => write!(f, "the call to {pattern} took longer than {limit:?}"),
            None => write!(f, "the call took longer than {limit:?}"),
        }
    }
}

impl std::error::Error for TimeoutError {}
