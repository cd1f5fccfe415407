//! The state that the router passes to its handlers.

use crate::{
    packet::RpcError,
    server::{Request, extract::FromRequest},
};

/// A clone of the router's state or of a part of it. The state should be cheap to clone, for
/// example an [`Arc`](std::sync::Arc) or a pool.
///
/// ```
/// use std::sync::{Arc, atomic::{AtomicU64, Ordering}};
/// use nest_wire::server::{Router, State};
///
/// async fn next(State(counter): State<Arc<AtomicU64>>) -> u64 {
///     counter.fetch_add(1, Ordering::Relaxed)
/// }
///
/// let router: Router = Router::new().message("next", next).with_state(Arc::default());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State<S>(pub S);

impl<S: Sync, T: FromRef<S>> FromRequest<S> for State<T> {
    async fn from_request(_: &mut Request, state: &S) -> Result<Self, RpcError> {
        Ok(Self(T::from_ref(state)))
    }
}

/// A type that can be taken from a state of type `S`. Each type can be taken from itself.
///
/// ```
/// use nest_wire::server::{Router, State, extract::FromRef};
///
/// #[derive(Clone)]
/// struct App { greeting: &'static str, answer: u32 }
///
/// impl FromRef<App> for u32 {
///     fn from_ref(app: &App) -> Self {
///         app.answer
///     }
/// }
///
/// let router: Router = Router::new()
///     .message("greet", async |State(app): State<App>| app.greeting)
///     .message("answer", async |State(answer): State<u32>| answer)
///     .with_state(App { greeting: "hello", answer: 42 });
/// ```
pub trait FromRef<S> {
    /// Returns this part of the state.
    fn from_ref(state: &S) -> Self;
}

impl<S: Clone> FromRef<S> for S {
    fn from_ref(state: &S) -> Self {
        state.clone()
    }
}
