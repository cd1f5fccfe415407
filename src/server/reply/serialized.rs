//! Replies written by `serde`: arrays, tuples, pointers, and the types of
//! [`json`](mod@crate::json).

use std::sync::Arc;

use serde::Serialize;

use crate::{
    json,
    packet::RawJson,
    server::{Reply, reply::IntoReply},
};

impl<T, const N: usize> IntoReply for [T; N]
where
    [T; N]: Serialize,
{
    fn into_reply(self) -> Reply {
        Reply::value(&self)
    }
}

macro_rules! pointers {
    ($($pointer:ident)*) => {
        $(impl<T: Serialize + ?Sized> IntoReply for $pointer<T> {
            fn into_reply(self) -> Reply {
                Reply::value(&*self)
            }
        })*
    };
}

pointers! { Box Arc }

macro_rules! tuples {
    ($first:ident $($rest:ident)*) => {
        impl<$first: Serialize, $($rest: Serialize),*> IntoReply for ($first, $($rest,)*) {
            fn into_reply(self) -> Reply {
                Reply::value(&self)
            }
        }
        tuples! { $($rest)* }
    };
    () => {};
}

tuples! { A B C D E F G H I J K L }

macro_rules! serialized {
    ($($type:ty)*) => {
        $(impl IntoReply for $type {
            fn into_reply(self) -> Reply {
                Reply::value(&self)
            }
        })*
    };
}

serialized! { char serde_json::Map<String, serde_json::Value> json::Date json::Object json::Array json::JsString }

impl IntoReply for json::Buffer {
    fn into_reply(self) -> Reply {
        match self.to_json() {
            Ok(text) => Reply::Value(RawJson::trusted(text)),
            Err(error) => Reply::Error(error.into()),
        }
    }
}
