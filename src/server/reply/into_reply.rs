//! The return types of handlers.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
};

use serde::Serialize;

use crate::{
    json,
    packet::{RawJson, RpcError},
    server::{Payload, Reply, ReplyStream, reply::IntoRpcError},
};

/// A type that a handler may return.
///
/// | Rust | Nest |
/// | --- | --- |
/// | `()` | undefined |
/// | numbers, `bool`, `char`, `String`, `Vec`, arrays, tuples, maps, JSON values | that value |
/// | `Box<T>`, `Arc<T>` of a type that can be serialised | that value |
/// | [`json::Buffer`], [`json::Date`] | the JSON of a `Buffer`, of a `Date` |
/// | [`Payload<T>`] | any other type that can be serialised |
/// | `Option<T>` | `T`, or null for `None` |
/// | [`Maybe<T>`](json::Maybe) | `T`, or undefined |
/// | [`ReplyStream`] | an `Observable` |
/// | `Result<T, E>` | `T`, or what is thrown ([`IntoRpcError`]) |
/// | [`Reply`] | the reply itself |
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be what a handler returns",
    label = "not an answer",
    note = "wrap a type that implements `serde::Serialize` in `Payload`: `async fn find() -> Payload<User>`"
)]
pub trait IntoReply {
    /// Converts the value. Returns the reply.
    fn into_reply(self) -> Reply;
}

impl IntoReply for Reply {
    fn into_reply(self) -> Reply {
        self
    }
}

impl IntoReply for () {
    fn into_reply(self) -> Reply {
        Reply::Undefined
    }
}

impl IntoReply for RawJson {
    fn into_reply(self) -> Reply {
        Reply::Value(self)
    }
}

impl IntoReply for ReplyStream {
    fn into_reply(self) -> Reply {
        Reply::Stream(self)
    }
}

impl IntoReply for RpcError {
    fn into_reply(self) -> Reply {
        Reply::Error(self)
    }
}

impl<T: IntoReply> IntoReply for Option<T> {
    fn into_reply(self) -> Reply {
        self.map_or_else(|| Reply::Value(RawJson::null()), T::into_reply)
    }
}

impl<T: IntoReply> IntoReply for json::Maybe<T> {
    fn into_reply(self) -> Reply {
        self.into_option().map_or(Reply::Undefined, T::into_reply)
    }
}

impl<T: IntoReply, E: IntoRpcError> IntoReply for Result<T, E> {
    fn into_reply(self) -> Reply {
        match self {
            Ok(value) => value.into_reply(),
            Err(error) => Reply::Error(error.into_rpc_error()),
        }
    }
}

impl<T: Serialize> IntoReply for Payload<T> {
    fn into_reply(self) -> Reply {
        Reply::value(&self.0)
    }
}

impl<T: Serialize> IntoReply for Vec<T> {
    fn into_reply(self) -> Reply {
        Reply::value(&self)
    }
}

impl<K: Serialize, V: Serialize, H> IntoReply for HashMap<K, V, H> {
    fn into_reply(self) -> Reply {
        Reply::value(&self)
    }
}

impl<K: Serialize, V: Serialize> IntoReply for BTreeMap<K, V> {
    fn into_reply(self) -> Reply {
        Reply::value(&self)
    }
}

macro_rules! serialized {
    ($($type:ty)*) => {
        $(impl IntoReply for $type {
            fn into_reply(self) -> Reply {
                Reply::value(&self)
            }
        })*
    };
}

serialized! {
    bool f32
    &'static str String Cow<'static, str>
    serde_json::Value json::Value
}

macro_rules! integers {
    ($($type:ty)*) => {
        /// Written digit for digit. A Node peer rounds integers beyond 2^53 when it reads them.
        $(impl IntoReply for $type {
            fn into_reply(self) -> Reply {
                Reply::Value(RawJson::integer(self))
            }
        })*
    };
}

integers! { u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize }

impl IntoReply for f64 {
    fn into_reply(self) -> Reply {
        Reply::Value(RawJson::number(self))
    }
}
