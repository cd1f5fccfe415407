//! The error types of handlers.

use std::{convert::Infallible, error::Error, io};

use crate::packet::{HttpException, RpcError};

/// An error that a handler may return.
///
/// Implement it for your own errors, to choose what callers receive. In a handler that returns
/// `Result<_, RpcError>`, `?` converts *any* error, and the caller receives "Internal server
/// error", as in Nest.
///
/// ```
/// use nest_wire::{packet::RpcError, server::{Router, reply::IntoRpcError}};
///
/// #[derive(Debug, thiserror::Error)]
/// enum BookingError {
///     #[error("room {0} is taken")]
///     Taken(u32),
///     #[error("the database failed")]
///     Database(#[from] std::io::Error),
/// }
///
/// impl IntoRpcError for BookingError {
///     fn into_rpc_error(self) -> RpcError {
///         match self {
///             Self::Taken(_) => RpcError::new(self),
///             Self::Database(cause) => RpcError::internal_from(cause), // logged, not sent
///         }
///     }
/// }
///
/// async fn book() -> Result<u32, BookingError> {
///     Err(BookingError::Taken(7))
/// }
///
/// let router: Router = Router::new().message("book", book);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be what a handler fails with",
    label = "says nothing to callers",
    note = "implement `IntoRpcError` for it, or let the handler return `Result<_, RpcError>`: `?` turns any error into \
            that, and callers are told \"Internal server error\""
)]
pub trait IntoRpcError {
    /// Returns the error for the caller, with the cause for the log.
    fn into_rpc_error(self) -> RpcError;
}

impl IntoRpcError for RpcError {
    fn into_rpc_error(self) -> RpcError {
        self
    }
}

impl IntoRpcError for Infallible {
    fn into_rpc_error(self) -> RpcError {
        match self {}
    }
}

macro_rules! internal {
    ($($type:ty)*) => {
        $(
            /// The caller receives "Internal server error"; the error is logged.
            impl IntoRpcError for $type {
                fn into_rpc_error(self) -> RpcError {
                    RpcError::internal_from(self)
                }
            }
        )*
    };
}

internal! { Box<dyn Error + Send + Sync> io::Error serde_json::Error }

#[cfg(feature = "anyhow")]
internal! { anyhow::Error }

/// Same as `throw new RpcException(exception.getResponse())`.
impl IntoRpcError for HttpException {
    fn into_rpc_error(self) -> RpcError {
        self.into()
    }
}
