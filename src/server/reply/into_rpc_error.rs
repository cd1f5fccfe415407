//! What handlers may fail with.

use std::{convert::Infallible, error::Error, io};

use crate::packet::{HttpException, RpcError};

/// What a handler may fail with.
///
/// Implement it for your own errors, to say what callers are told. In a handler that returns
/// `Result<_, RpcError>`, `?` takes *any* error and tells the caller "Internal server error", as Nest does.
///
/// ```
/// use nest_wire::{packet::RpcError, server::{IntoRpcError, Router}};
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
///             Self::Database(cause) => RpcError::internal_from(cause), // logged, not told
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
    /// What the caller is told, and what is logged.
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
            /// "Internal server error" to the caller; the error is logged.
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

/// As `throw new RpcException(exception.getResponse())`.
impl IntoRpcError for HttpException {
    fn into_rpc_error(self) -> RpcError {
        self.into()
    }
}
