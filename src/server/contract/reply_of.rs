//! The return types that a contract's reply allows.

use crate::{
    json::Maybe,
    server::{Payload, reply::ReplyStreamOf},
};

/// A type that a handler may return where the contract's reply is `Reply`. You never implement it.
///
/// It is the reply itself, in [`Payload`] if it is of a type of yours, or a [`ReplyStreamOf`] it
/// for a stream; and a `Result` of each.
#[diagnostic::on_unimplemented(
    message = "the contract's reply is `{Reply}`, which `{Self}` is not",
    label = "does not keep the contract",
    note = "a contract's handler returns its reply, in `Payload` if it is of a type of yours, or `ReplyStreamOf<{Reply}>`; \
            or a `Result` of these"
)]
pub trait ReplyOf<Reply> {}

macro_rules! reply_of {
    ($($returned:ty => $reply:ty),* $(,)?) => {
        $(
            impl<T> ReplyOf<$reply> for $returned {}
            impl<T, E> ReplyOf<$reply> for Result<$returned, E> {}
        )*
    };
}

reply_of! {
    T => T,
    Payload<T> => T,
    Option<Payload<T>> => Option<T>,
    Maybe<Payload<T>> => Maybe<T>,
    ReplyStreamOf<T> => T,
}

impl ReplyOf<String> for &'static str {}
impl<E> ReplyOf<String> for Result<&'static str, E> {}
