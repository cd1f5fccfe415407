//! The parameters of a function, without any bound on them.
//!
//! A bound on [`Signature`] before the bound on [`Handler`](crate::server::handler::Handler)
//! determines which parameters a function has. The compiler then considers one implementation of
//! `Handler` only. Its error names the parameter, the result or the error that does not fit, with
//! that trait's own advice.

/// A function of up to six parameters, whose types are the tuple `Args`. You never implement it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler",
    label = "not a handler",
    note = "a handler is an `async fn` (or a closure that returns a future) of up to six parameters, which implement \
            `FromRequest` (`Payload<T>`, `State<T>`, `Context`, …), and whose result implements `IntoReply`"
)]
pub trait Signature<Args> {}

macro_rules! signature {
    ($($arg:ident)*) => {
        impl<F, Out, $($arg,)*> Signature<($($arg,)*)> for F where F: FnOnce($($arg,)*) -> Out {}
    };
}

signature!();
signature!(A);
signature!(A B);
signature!(A B C);
signature!(A B C D);
signature!(A B C D E);
signature!(A B C D E G);
