//! Async functions as handlers.

use std::future::Future;

use super::{FromRequest, IntoReply, Reply, Request};

/// An async function that handles messages or events: any number of extractors in (up to six), an answer out.
///
/// You never implement it. `Args` is the tuple of the parameters: it tells the implementations for functions of
/// different parameters apart, which Rust could not do otherwise, since one type might be several functions.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler",
    label = "not a handler",
    note = "a handler is an `async fn` (or a closure that returns a future) whose parameters implement `FromRequest` \
            (`Payload<T>`, `State<T>`, `Context`, …) and whose result implements `IntoReply`",
    note = "its future must be `Send`: no `Rc`, `RefCell` borrow or `MutexGuard` may live across an `.await`",
    note = "a `State<T>` must have the type that the router's `with_state` is given"
)]
pub trait Handler<Args, S>: Clone + Send + Sync + 'static {
    /// Runs it.
    fn call(self, request: Request, state: S) -> impl Future<Output = Reply> + Send + 'static;
}

macro_rules! handler {
    ($($arg:ident)*) => {
        impl<F, Fut, S, $($arg,)*> Handler<($($arg,)*), S> for F
        where
            F: FnOnce($($arg,)*) -> Fut + Clone + Send + Sync + 'static,
            Fut: Future<Output: IntoReply> + Send + 'static,
            S: Send + Sync + 'static,
            $($arg: FromRequest<S> + Send + 'static,)*
        {
            #[allow(non_snake_case, unused_mut, unused_variables, reason = "the names of types serve for the values too")]
            async fn call(self, mut request: Request, state: S) -> Reply {
                $(
                    let $arg = match $arg::from_request(&mut request, &state).await {
                        Ok(value) => value,
                        Err(rejection) => return Reply::Error(rejection),
                    };
                )*
                self($($arg,)*).await.into_reply()
            }
        }
    };
}

handler!();
handler!(A);
handler!(A B);
handler!(A B C);
handler!(A B C D);
handler!(A B C D E);
handler!(A B C D E F_);
